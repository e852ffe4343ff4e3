/** The pattern of a text in which `*` stands for `star`, by default any characters at all, and all else for itself. */
export function globPattern(glob: string, star = '[^]*'): RegExp {
  // Neighbouring stars are one: each more would multiply the time that a text takes that does not fit.
  const parts = glob.split(/\*+/).map((part) => part.replaceAll(/[\\^$.*+?()[\]{}|/-]/g, '\\$&'));
  return new RegExp(`^${parts.join(star)}$`);
}
