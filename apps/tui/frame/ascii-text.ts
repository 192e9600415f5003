/** Our own typographic signs in ASCII, one cell for one cell; names that people gave stay as they are. */
const signs: Readonly<Record<string, string>> = {
  '✖': 'X',
  '⚠': '!',
  '·': '|',
  '—': '-',
  '−': '-',
  '─': '-',
  '‹': '<',
  '›': '>',
  '…': '.',
  '▸': '>',
};

export function asciiText(text: string): string {
  return text.replace(/[✖⚠·—−─‹›…▸]/g, (sign) => signs[sign] ?? '?');
}
