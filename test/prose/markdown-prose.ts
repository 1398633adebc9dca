/** Replaces all characters but line ends by spaces, so that lines keep their numbers. */
const blank = (text: string): string => text.replace(/[^\n]/g, ' ');

/** The sentences of a Markdown page: without blocks and spans of code, addresses of links and HTML comments. */
export function markdownProse(page: string): string {
  return page
    .replace(/^( *)```[^\n]*\n[\s\S]*?^\1```$/gm, blank)
    .replace(/<!--[\s\S]*?-->/g, blank)
    .replace(/(`+)(?!`)[\s\S]*?(?<!`)\1(?!`)/g, (code) => `{}${blank(code.slice(2))}`)
    .replace(/\]\([^)\s]+\)/g, (address) => `]${blank(address.slice(1))}`);
}
