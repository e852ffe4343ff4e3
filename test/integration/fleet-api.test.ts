import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { execa } from 'execa';
import { describe, expect, it, onTestFinished } from 'vitest';
import { z } from 'zod';
import { FleetView, Screen, type FleetDesk } from '../../schema/contracts/fleet.ts';
import { FakeWorld } from '../fakes/fake-world.ts';
import { terminalAgents } from '../fakes/terminal-agents.ts';
import { startApi, type TestApi } from '../support/api.ts';
import { noTmux, tmuxSocket } from '../support/tmux.ts';
import { until } from '../support/until.ts';
import { startTestEngine } from '../support/workers.ts';

interface FleetApi extends TestApi {
  socket: string;
  reader: string;
  operator: string;
  tail(): Promise<string[]>;
}

const secret = 'sesame-street-42';

/** A program that shows its environment, as one in trouble may, and then takes each line. */
const talkative = terminalAgents.accepts.replace('echo "started', 'echo "my key is $KEY"\necho "started');

/** The API of a machine with one agent, `coder`. */
async function fleetApi(fleet?: (real: FleetDesk) => FleetDesk): Promise<FleetApi> {
  const engine = await startTestEngine(new FakeWorld());
  onTestFinished(() => engine.stop());
  const api = await startApi(engine, fleet === undefined ? {} : { fleet });
  const socket = tmuxSocket();
  const bin = join(api.root, 'bin');
  await mkdir(bin);
  await writeFile(join(bin, 'codex'), talkative, { mode: 0o755 });
  const roster = {
    version: 1,
    tmux: { socketName: socket },
    defaults: { workingDirectory: bin },
    runtimes: { codex: { env: { PATH: bin, KEY: secret } } },
    agents: [{ name: 'coder', runtime: 'codex', class: 'implementer' }],
  };
  await writeFile(join(api.root, 'roster.yaml'), JSON.stringify(roster), { mode: 0o600 });
  const reader = await api.token({ name: 'reader', scopes: ['fleet:read'] });
  const operator = await api.token({ name: 'lead', scopes: ['fleet:operate'] });
  return { ...api, socket, reader, operator, tail };

  async function tail(): Promise<string[]> {
    const { body } = await api.send('/v1/agents/coder/tail');
    return z.object({ lines: z.array(z.string()) }).parse(body).lines;
  }
}

describe.skipIf(noTmux)('the fleet over the API (skipped without tmux)', () => {
  it('is read by those who may read it, and told what to do by those who may', async () => {
    const api = await fleetApi();
    const { reader, operator } = api;
    const start = () => api.post('/v1/fleet/start', {}, { token: operator });
    expect(await start()).toMatchObject({
      status: 200,
      body: { agents: [{ name: 'coder', done: 'started' }] },
    });
    expect(await start()).toMatchObject({ body: { agents: [{ name: 'coder', done: 'running' }] } });

    const ps = await api.send('/v1/fleet/ps', { token: reader });
    const [coder] = FleetView.parse(ps.body).agents;
    expect(coder).toMatchObject({ tenant: 'default', name: 'coder', state: 'healthy', running: 'codex' });
    const restarted = await api.post('/v1/fleet/restart', { agents: ['coder'] }, { token: operator });
    expect(restarted.body).toMatchObject({ agents: [{ name: 'coder', done: 'started' }] });
    const status = await api.send('/v1/agents/coder', { token: reader });
    expect(status).toMatchObject({ status: 200, body: { state: 'healthy' } });
    expect(status.body).not.toMatchObject({ pid: coder?.pid });
    expect(await api.send('/v1/fleet/verify', { token: reader })).toMatchObject({ body: { found: true } });

    const weak = await api.token({ name: 'weak', scopes: ['missions:read', 'missions:write'] });
    for (const path of ['/v1/fleet/ps', '/v1/agents', '/v1/agents/coder/tail', '/v1/agents/coder/watch']) {
      expect(await api.send(path, { token: weak })).toMatchObject({ status: 403 });
      expect(await api.send(path, { token: operator })).toMatchObject({ status: 403 });
    }
    for (const path of ['/v1/fleet/stop', '/v1/agents/coder/send']) {
      expect(await api.post(path, { text: 'x' }, { token: reader })).toMatchObject({ status: 403 });
    }
    expect(
      await api.post('/v1/fleet/stop', { agents: ['coder', 'nobody'] }, { token: operator }),
    ).toMatchObject({
      status: 404,
      body: { detail: 'nobody is not in the roster: it has coder' },
    });
    const stopped = await api.post('/v1/fleet/stop', {}, { token: operator });
    expect(stopped.body).toEqual({ agents: [{ name: 'coder', done: 'stopped' }] });
    expect(await api.send('/v1/agents/coder/tail')).toMatchObject({
      status: 409,
      type: 'application/problem+json',
      body: { detail: 'coder does not run: start it with `mission fleet start coder`' },
    });
  });

  it('types a message once under its key, in the name of its token, and leaves it in the audit', async () => {
    const api = await fleetApi();
    const { operator } = api;
    await api.post('/v1/fleet/start', {});
    const say = () =>
      api.post('/v1/agents/coder/send', { text: 'go on', verify: true }, { token: operator, key: 'k1' });
    const sent = { status: 200, body: { message: '[lead -> coder] go on', delivery: 'accepted' } };
    expect(await say()).toMatchObject(sent);
    expect(await say()).toMatchObject(sent);
    const accepted = (await api.tail()).filter((line) => line.startsWith('accepted: '));
    expect(accepted).toEqual(['accepted: [lead -> coder] go on']);

    expect(await api.send('/v1/agents/coder/reset', { method: 'POST' })).toMatchObject({
      body: { how: 'reset' },
    });
    await until(async () => (await api.tail()).includes('accepted: /clear'));
    expect((await api.send('/v1/audit')).body).toMatchObject({
      entries: [
        { caller: 'admin', operation: 'POST /v1/agents/{agent}/reset', status: 200 },
        { caller: 'lead', operation: 'POST /v1/agents/{agent}/send', idempotencyKey: 'k1', status: 200 },
        { caller: 'lead', operation: 'POST /v1/agents/{agent}/send', idempotencyKey: 'k1', status: 200 },
        { caller: 'admin', operation: 'POST /v1/fleet/start', status: 200 },
      ],
    });
  });

  it('does not type again what an earlier call may have typed', async () => {
    const api = await fleetApi((real) => ({
      ...real,
      send: async (of) => {
        await real.send(of);
        throw new Error('the engine dies before it has answered');
      },
    }));
    await api.post('/v1/fleet/start', {});
    const say = () => api.post('/v1/agents/coder/send', { text: 'go on' }, { key: 'k1' });
    expect(await say()).toMatchObject({ status: 500 });
    expect(await say()).toMatchObject({ status: 200, body: { delivery: 'unverifiable' } });
    await until(async () => (await api.tail()).some((line) => line.startsWith('accepted: ')));
    expect((await api.tail()).filter((line) => line.startsWith('accepted: '))).toHaveLength(1);
  });

  it('shows the screen while it changes, and gives it no other size', async () => {
    const api = await fleetApi();
    const { url, reader, socket } = api;
    expect(await api.send('/v1/agents/coder/watch')).toMatchObject({ status: 409 });
    await api.post('/v1/fleet/start', {});
    const once = await api.send('/v1/agents/coder/watch?follow=false', { token: reader });
    expect(once.type).toBe('text/event-stream');
    expect(String(once.body).match(/^event: screen$/gm)).toHaveLength(1);

    const watching = await fetch(`${url}/v1/agents/coder/watch`, {
      headers: { authorization: `Bearer ${reader}` },
    });
    const screens: Screen[] = [];
    const ended = readScreens(watching, (screen) => screens.push(screen));
    await until(() => screens.length > 0);
    await api.post('/v1/agents/coder/send', { text: 'hello' });
    await until(() =>
      screens.some(({ lines }) => lines.join('\n').includes('accepted: [admin -> coder] hello')),
    );
    const format = ['display-message', '-p', '-t', '=coder:', '#{window_width}x#{window_height}'];
    expect((await execa('tmux', ['-L', socket, ...format])).stdout).toBe('200x50');
    await api.post('/v1/fleet/stop', {});
    await ended;
  });

  it('never tells a value of the roster’s environment, though the program shows it', async () => {
    const api = await fleetApi();
    await api.post('/v1/fleet/start', {});
    await until(async () => (await api.tail()).includes('my key is [redacted]'));
    for (const path of [
      ...['/v1/fleet/ps', '/v1/fleet/verify', '/v1/agents', '/v1/agents/coder'],
      ...['/v1/agents/coder/tail', '/v1/agents/coder/watch?follow=false'],
    ]) {
      const { status, body } = await api.send(path);
      expect({ path, status }).toEqual({ path, status: 200 });
      expect(JSON.stringify(body)).not.toContain(secret);
    }
  });
});

async function readScreens(response: Response, onScreen: (screen: Screen) => void): Promise<void> {
  let rest = '';
  for await (const chunk of response.body ?? []) {
    const events = (rest + Buffer.from(chunk).toString()).split('\n\n');
    rest = events.pop() ?? '';
    for (const event of events) {
      const data = /^data: (.*)$/m.exec(event)?.[1];
      if (data !== undefined) onScreen(Screen.parse(JSON.parse(data)));
    }
  }
}
