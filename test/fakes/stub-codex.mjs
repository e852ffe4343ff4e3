#!/usr/bin/env node
/**
 * A codex without a model: it speaks as codex does, keeps its conversations as codex does, and does what the prompt
 * says for this launch, in lines such as `AT 1: leave half.txt, die`.
 */
import { execFileSync, spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { appendFileSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

const home = process.env.CODEX_HOME;
const conversations = join(home, 'conversations');
const args = process.argv.slice(2);
mkdirSync(conversations, { recursive: true });
appendFileSync(join(home, 'launches.jsonl'), `${JSON.stringify(args)}\n`);

const prompt = readFileSync(0, 'utf8');
const resumed = args.includes('resume') ? args[args.indexOf('resume') + 1] : undefined;
if (resumed !== undefined && !existsSync(join(conversations, resumed))) {
  process.stderr.write(`Error: no rollout found for thread id ${resumed}\n`);
  process.exit(1);
}
const id = resumed ?? randomUUID();
appendFileSync(join(conversations, id), 'turn\n');
tell({ type: 'thread.started', thread_id: id });
tell({ type: 'turn.started' });

const lines = new Map([...prompt.matchAll(/^AT (\d+): (.*)$/gm)].map(([, launch, acts]) => [launch, acts]));
for (const act of (lines.get(process.env.MISSION_LAUNCH) ?? 'nothing').split(', '))
  await perform(act.split(' '));

/** Of the whole conversation, as codex tells it. */
const turns = readFileSync(join(conversations, id), 'utf8').split('\n').length - 1;
const usage = { input_tokens: 1_000 * turns, cached_input_tokens: 100 * turns, output_tokens: 10 * turns };
tell({ type: 'turn.completed', usage });

async function perform([act, what = '', ...more]) {
  switch (act) {
    case 'commit':
      run(`echo work >> ${what} && git add --all && git commit --quiet --message 'Add ${what}'`);
      return;
    case 'leave':
      run(`echo half > ${what}`);
      return;
    case 'orphan':
      // A tool in a process group of its own, as those of real agents are.
      writeFileSync(
        join(home, 'orphan'),
        String(spawn('sleep', ['600'], { detached: true, stdio: 'ignore' }).pid),
      );
      writeFileSync(join(home, 'running'), String(process.pid));
      return;
    case 'say':
      tell({
        type: 'item.completed',
        item: { id: 'said', type: 'agent_message', text: [what, ...more].join(' ') },
      });
      return;
    case 'tell':
      tell({
        type: 'item.completed',
        item: { id: 'told', type: 'agent_message', text: `it is ${process.env[what]}` },
      });
      return;
    case 'spend':
      tell({
        type: 'turn.completed',
        usage: { input_tokens: Number(what), cached_input_tokens: 0, output_tokens: 0 },
      });
      return;
    case 'forget':
      rmSync(join(conversations, id));
      return;
    case 'wait':
      while (!existsSync(what)) await sleep(50);
      return;
    case 'hang':
      await sleep(600_000);
      return;
    case 'die':
      process.kill(process.pid, 'SIGKILL');
      await sleep(10_000);
      return;
    case 'fail':
      tell({ type: 'turn.failed', error: { message: [what, ...more].join(' ') } });
      process.exit(1);
  }
}

function run(command) {
  const item = { id: command, type: 'command_execution', command };
  tell({ type: 'item.started', item });
  writeFileSync(join(home, 'running'), String(process.pid));
  execFileSync('sh', ['-c', command], { stdio: 'ignore' });
  tell({ type: 'item.completed', item });
}

function tell(line) {
  process.stdout.write(`${JSON.stringify(line)}\n`);
}
