/** Something that a test waits for, and lets come when it is time. */
export function moment(): { come: () => void; came: Promise<void> } {
  let come: () => void = () => undefined;
  const came = new Promise<void>((resolve) => (come = resolve));
  return { come, came };
}
