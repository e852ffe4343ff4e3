import { describe, expect, it } from 'vitest';
import { scriptArgv } from './session-activities.ts';

describe('a script', () => {
  it.each([
    { name: 'a shebang', text: '#!/bin/bash\necho hi\n', argv: ['/bin/bash', 'script'] },
    { name: 'a shebang and nothing else', text: '#!/bin/bash', argv: ['/bin/bash', 'script'] },
    { name: 'white space after the mark', text: '#! \t/bin/bash\n', argv: ['/bin/bash', 'script'] },
    { name: 'white space at the end', text: '#!/bin/bash \t \n', argv: ['/bin/bash', 'script'] },
    { name: 'an argument', text: '#!/usr/bin/env node\n', argv: ['/usr/bin/env', 'node', 'script'] },
    { name: 'a line end of Windows', text: '#!/bin/bash\r\necho hi\r\n', argv: ['/bin/bash', 'script'] },
    {
      // The kernel hands over all that follows the interpreter as one argument.
      name: 'several words',
      text: '#!/usr/bin/env -S node --test\n',
      argv: ['/usr/bin/env', '-S node --test', 'script'],
    },
    { name: 'no shebang', text: 'echo hi\n', argv: ['sh', 'script'] },
    { name: 'nothing in it', text: '', argv: ['sh', 'script'] },
    { name: 'a mark without an interpreter', text: '#!\necho hi\n', argv: ['sh', 'script'] },
    { name: 'a comment', text: '# /bin/bash\n', argv: ['sh', 'script'] },
    { name: 'a shebang in its second line', text: '\n#!/bin/bash\n', argv: ['sh', 'script'] },
    { name: 'a shebang that is indented', text: ' #!/bin/bash\n', argv: ['sh', 'script'] },
    { name: 'a shebang within its first line', text: 'echo "#!/bin/bash"\n', argv: ['sh', 'script'] },
    {
      name: 'shell code in its shebang, which stays one argument',
      text: '#!/bin/bash -c; rm -rf /\n',
      argv: ['/bin/bash', '-c; rm -rf /', 'script'],
    },
  ])('with $name is run as $argv', ({ text, argv }) => {
    expect(scriptArgv(text, 'script')).toEqual(argv);
  });
});
