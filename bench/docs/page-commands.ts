/** A command that a page shows in a block of code. */
export interface PageCommand {
  /** Line of the page, from 1. */
  readonly line: number;
  /** The command without its prompt, its comment and line continuations. */
  readonly text: string;
  /** Lines that the page shows as its output; undefined where it shows none. */
  readonly output: readonly string[] | undefined;
}

/** A file that a page shows: a block whose first line is a comment with its name. */
export interface PageFile {
  readonly name: string;
  readonly text: string;
}

interface Block {
  readonly language: string;
  /** Line of the page on which its text begins, from 1. */
  readonly line: number;
  readonly text: string;
}

const COMMAND_LANGUAGES = new Set(['', 'sh', 'console']);

/** Programs that pages call; other lines of a block without prompts are drawings, folders and output. */
const PROGRAM = /^(?:(?:npx )?neurofuzz|npm|npx|cp|mkdir|ssh|CI=1|NEUROFUZZ_\w+=\S*) /;

function blocksOf(page: string): Block[] {
  return [...page.matchAll(/^```([a-z]*)\n([\s\S]*?)^```$/gm)].map(({ 1: language, 2: text, index }) => ({
    language,
    line: page.slice(0, index).split('\n').length + 1,
    text,
  }));
}

/** Without a comment at its end; a # in quotes is none. */
const withoutComment = (line: string): string =>
  line.replace(/^((?:[^'"#]|'[^']*'|"[^"]*")*?)\s+#.*$/, '$1').trimEnd();

/** All commands of a Markdown page, in their order, with the outputs that it shows. */
export function pageCommands(page: string): PageCommand[] {
  return blocksOf(page)
    .filter(({ language }) => COMMAND_LANGUAGES.has(language))
    .flatMap(commandsOf);
}

function commandsOf({ line, text }: Block): PageCommand[] {
  const lines = text.trimEnd().split('\n');
  const hasPrompts = lines.some((each) => each.startsWith('$ '));
  const commands: { line: number; text: string; output: string[] | undefined }[] = [];
  for (let i = 0; i < lines.length; i++) {
    const isCommand = hasPrompts ? lines[i].startsWith('$ ') : PROGRAM.test(lines[i]);
    if (!isCommand) {
      if (hasPrompts && lines[i] !== '') commands.at(-1)?.output?.push(lines[i]);
      continue;
    }
    const at = i;
    let command = lines[i].replace(/^\$ /, '');
    while (command.endsWith('\\') && i + 1 < lines.length)
      command = `${command.slice(0, -1)}${lines[++i].trimStart()}`;
    commands.push({ line: line + at, text: withoutComment(command), output: hasPrompts ? [] : undefined });
  }
  return commands;
}

/** The YAML files that a page shows, by the name in the comment at their beginning, which may follow the line for editors. */
export function pageFiles(page: string): PageFile[] {
  return blocksOf(page)
    .filter(({ language }) => language === 'yaml')
    .flatMap(({ text }) => {
      const name = /^(?:# yaml-language-server:.*\n)?# ([\w-]+\.yaml)\b/.exec(text)?.[1];
      return name === undefined ? [] : [{ name, text }];
    });
}

/** Durations, rates and sizes depend on the machine; so does the price of a gradient in passes of the model. */
const MEASURED =
  /\b\d[\d.,]* (?:ms|s|min|MB|GB|a second|per second|passes of the model)(?![\w])|\b\d[\d,]*\/s\b/g;

/** A line of output without the figures that differ from run to run. */
export const withoutMeasurements = (line: string): string => line.replace(MEASURED, '…').trimEnd();
