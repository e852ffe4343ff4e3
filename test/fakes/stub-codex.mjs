#!/usr/bin/env node
/**
 * A codex without a model: it speaks as codex does, keeps its conversations as codex does, and does what the prompt
 * says for this launch, in lines such as `AT 1: leave half.txt, die`; what comes `BEFORE` it does without a word. As
 * the reviewer `one` it does what stands in lines such as `ONE 1: approve`, also where only its first prompt had them.
 * Called `claude`, it does the same and speaks as claude does.
 */
import { execFileSync, spawn } from 'node:child_process';
import { appendFileSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { claude, codex } from './stub-dialects.mjs';

const dialect = basename(process.argv[1]) === 'claude' ? claude : codex;

if (process.argv[2] === '--version') {
  process.stdout.write(`${dialect.version}\n`);
  process.exit();
}
const { home } = dialect;
const conversations = join(home, 'conversations');
const args = process.argv.slice(2);
mkdirSync(conversations, { recursive: true });
appendFileSync(join(home, 'launches.jsonl'), `${JSON.stringify(args)}\n`);
const launched = { session: process.env.MISSION_SESSION, pid: process.pid };
appendFileSync(join(home, 'agents.jsonl'), `${JSON.stringify(launched)}\n`);

const blocker = {
  severity: 'blocker',
  category: 'bug',
  file: 'README.md',
  line: 1,
  message: 'it does not greet',
};
const verdicts = {
  approve: { verdict: 'approve', summary: 'all is well', findings: [] },
  object: { verdict: 'request-changes', summary: 'not yet', findings: [blocker] },
  lie: { verdict: 'approve', summary: 'all is well', findings: [blocker] },
};
const prompt = readFileSync(0, 'utf8');
const resumed = dialect.resumed(args);
if (resumed !== undefined && !existsSync(join(conversations, resumed))) {
  process.stderr.write(`${dialect.gone(resumed)}\n`);
  process.exit(1);
}
const id = resumed ?? dialect.newId(args);
const [, , role, launch] = process.env.MISSION_SESSION?.split('.') ?? [];
const reviewer = role?.startsWith('review-') ? role.slice('review-'.length).toUpperCase() : undefined;
const firstPrompt = join(home, `first-prompt-${id}`);
if (resumed === undefined) writeFileSync(firstPrompt, prompt);
const orders = reviewer === undefined ? prompt : readFileSync(firstPrompt, 'utf8');
let lastText = '';
await performAll('BEFORE');
appendFileSync(join(conversations, id), 'turn\n');
for (const line of dialect.started(id)) tell(line);

await performAll(reviewer ?? 'AT');

const turns = dialect.tellsTotals ? readFileSync(join(conversations, id), 'utf8').split('\n').length - 1 : 1;
tell(dialect.ended({ input: 1_000 * turns, cached: 100 * turns, output: 10 * turns, text: lastText }));

async function performAll(when) {
  const lines = [...orders.matchAll(new RegExp(`^${when} (\\d+): (.*)$`, 'gm'))];
  const acts = lines.findLast(([, at]) => at === launch)?.[2] ?? 'nothing';
  for (const act of acts.split(', ')) await perform(act.split(' '));
}

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
    case 'note':
      writeFileSync(what, String(process.pid));
      return;
    case 'tool':
      await useTool(what, more);
      return;
    case 'say':
      say([what, ...more].join(' '));
      return;
    case 'run':
      run([what, ...more].join(' '));
      return;
    case 'show':
      run(`echo '${[what, ...more].join(' ')}'`);
      return;
    case 'tell':
      say(`it is ${process.env[what]}`);
      return;
    case 'approve':
    case 'object':
    case 'lie':
      say(JSON.stringify(verdicts[act]));
      return;
    case 'edit':
      run(`echo edited >> ${what}`);
      return;
    case 'spend':
      tell(dialect.ended({ input: Number(what), cached: 0, output: 0, text: lastText }));
      return;
    case 'window':
      noteWindow(Number(what));
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
    case 'quota': {
      const nextMinute = new Date(Date.now() + 60_000);
      // Between them stands a blank of its own kind.
      const time = nextMinute
        .toLocaleTimeString('en-US', { hour: 'numeric', minute: '2-digit' })
        .replace(/\s/, ' ');
      fail(`You’ve hit your usage limit. Upgrade to Pro or try again at ${time}.`);
      return;
    }
    case 'shut': {
      const thisMinute = new Date().toLocaleTimeString('en-US', { hour: 'numeric', minute: '2-digit' });
      fail(`You’ve hit your usage limit. Upgrade to Pro or try again at ${thisMinute.replace(/\s/, ' ')}.`);
      return;
    }
    case 'fail':
      fail([what, ...more].join(' '));
  }
}

function say(text) {
  lastText = text;
  tell(dialect.said(text));
}

function fail(message) {
  tell(dialect.failed(message));
  process.exit(1);
}

/** In a process group of its own, as those of real agents are. It notes its id, and works until a file is there. */
async function useTool(note, [go]) {
  const command = `echo $$ > '${note}'; until [ -e '${go}' ]; do sleep 0.1; done`;
  tell(dialect.toolStarted(command));
  const tool = spawn('sh', ['-c', command], { detached: true, stdio: 'ignore' });
  await new Promise((resolve) => tool.on('exit', resolve));
  tell(dialect.toolEnded(command));
}

/** As codex notes it: not in its output, but in the file of the conversation. */
function noteWindow(used_percent) {
  const day = join(home, 'sessions/2026/11/21');
  mkdirSync(day, { recursive: true });
  const primary = { used_percent, window_minutes: 300, resets_at: 4_102_444_800 };
  const note = {
    timestamp: new Date().toISOString(),
    type: 'event_msg',
    payload: {
      type: 'token_count',
      info: null,
      rate_limits: { limit_id: 'codex', primary, secondary: null },
    },
  };
  appendFileSync(join(day, `rollout-2026-11-21T00-00-00-${id}.jsonl`), `${JSON.stringify(note)}\n`);
}

function run(command) {
  tell(dialect.toolStarted(command));
  writeFileSync(join(home, 'running'), String(process.pid));
  execFileSync('sh', ['-c', command], { stdio: 'ignore' });
  tell(dialect.toolEnded(command));
}

function tell(line) {
  process.stdout.write(`${JSON.stringify(line)}\n`);
}
