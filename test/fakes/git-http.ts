import { execa } from 'execa';

/** Serves a repository to git as forges do: by git's own program for that, which speaks CGI. */
export async function serveGit(
  request: Request,
  { repository, path }: { repository: string; path: string },
): Promise<Response> {
  const { searchParams } = new URL(request.url);
  const header = (name: string): string => request.headers.get(name) ?? '';
  const { stdout } = await execa('git', ['http-backend'], {
    encoding: 'buffer',
    input: Buffer.from(await request.arrayBuffer()),
    extendEnv: false,
    env: {
      PATH: process.env['PATH'],
      GIT_PROJECT_ROOT: repository,
      GIT_HTTP_EXPORT_ALL: '1',
      GIT_CONFIG_GLOBAL: '/dev/null',
      GIT_CONFIG_NOSYSTEM: '1',
      // Whoever has come so far may push.
      REMOTE_USER: 'author',
      REQUEST_METHOD: request.method,
      PATH_INFO: path,
      QUERY_STRING: searchParams.toString(),
      CONTENT_TYPE: header('content-type'),
      HTTP_CONTENT_ENCODING: header('content-encoding'),
      HTTP_GIT_PROTOCOL: header('git-protocol'),
    },
  });
  const answer = Buffer.from(stdout);
  const end = answer.indexOf('\r\n\r\n');
  const headers = new Headers();
  let status = 200;
  for (const line of answer.subarray(0, end).toString('utf8').split('\r\n')) {
    const [, name = '', value = ''] = /^([^:]+): (.*)$/.exec(line) ?? [];
    if (name === 'Status') status = Number.parseInt(value, 10);
    else headers.set(name, value);
  }
  return new Response(answer.subarray(end + 4), { status, headers });
}
