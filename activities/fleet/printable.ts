/** Signs that steer a terminal could end a paste and then be keys, or change the screen of whoever looks. */
export function printable(text: string): string {
  return text.replaceAll(/\r\n?/g, '\n').replaceAll(/[^\P{Cc}\n\t]/gu, '');
}
