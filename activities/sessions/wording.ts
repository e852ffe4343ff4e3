import type { AgentEvent } from '../../schema/contracts/agent.ts';
import { printable } from '../fleet/printable.ts';

/** What an agent's events tell a person, one after the other; undefined for one that tells nothing new. */
export function createWording(): (event: AgentEvent) => string | undefined {
  let lastText = '';
  return (event) => {
    if (event.type === 'final' && event.text === lastText) return undefined;
    if (event.type === 'text') lastText = event.text;
    const text = inWords(event);
    return text === undefined ? undefined : printable(text);
  };
}

function inWords(event: AgentEvent): string | undefined {
  switch (event.type) {
    case 'started':
      return `started${and('conversation', event.conversation)}${and('with', event.model)}`;
    case 'tool':
      return `> ${event.name}: ${event.detail}`.replaceAll(/\s+/g, ' ').trim();
    case 'text':
    case 'final':
      return event.text;
    case 'retry':
      return `! tries again: ${event.message}`;
    case 'error':
      return `! ${event.fault}: ${event.message}`;
    case 'question':
      return `? ${event.question.id}: ${event.question.title}`;
    case 'question-over':
      return `? ${event.id} is over`;
    case 'usage':
    case 'windows':
      // Of a part of the output the sum would be wrong, and `mission usage` tells it.
      return undefined;
  }
}

function and(word: string, what: string | null): string {
  return what === null ? '' : ` ${word} ${what}`;
}
