/** Programs that behave in a terminal as agents do, or should not. */
export const terminalAgents = {
  /** Takes each line, and says so. */
  accepts: `#!/bin/sh
echo "started with $*"
while printf '> ' && IFS= read -r line; do echo "accepted: $line"; done
`,
  /** What is typed shows, since the terminal echoes it; nobody reads it. */
  ignores: `#!/bin/sh
while :; do sleep 1; done
`,
  /** Keeps what is typed in its line, whatever is pressed. */
  drafts: `#!/bin/sh
stty -echo -icanon -icrnl
printf '> '
exec dd bs=1 2>/dev/null
`,
  /** Shows nothing of what is typed. */
  hides: `#!/bin/sh
stty -echo
while IFS= read -r line; do :; done
`,
} as const;
