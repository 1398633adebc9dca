/** A turn of phrase that the texts of this project do without. */
export interface Idiom {
  /** Source of a regular expression, without regard to case; a space stands for any white space. */
  readonly pattern: string;
  /** The words to write in its place. */
  readonly instead: string;
  /** A sentence that has the idiom, and the same sentence without it. */
  readonly example: readonly [wrong: string, right: string];
}

const idiom = (pattern: string, instead: string, wrong: string, right: string): Idiom => ({
  pattern,
  instead,
  example: [wrong, right],
});

/** Word-for-word translations from German. */
const CALQUES: readonly Idiom[] = [
  idiom(
    '\\b(?:an?|one) (?:[\\w-]+ )?(?:case|channel|column|entry|file|folder|index|key|letter|line|name|number|operation|process|prompt|result|row|rule|step|test|testcase|thread|token|value|vector|word) (?:an?|each) (?:batch|campaign|category|channel|class|column|fault|file|finding|folder|input|item|kind|lane|line|machine|mutator|night|objective|process|prompt|result|row|rule|run|seed|signature|site|step|task|testcase|token|value|word|worker)\\b',
    'one … per …',
    'It prints a line a fault.',
    'It prints one line per fault.',
  ),
  idiom(
    '\\b(?:end|stop)(?:s|ed|ped)? (?:\\w+ ){0,3}in order\\b',
    'stops, finishes',
    'Ctrl-C ends it in order.',
    'Ctrl-C stops it.',
  ),
  idiom(
    '\\b(?:go|goes|going|gone|went) on\\b',
    'continue, resume',
    'The campaign goes on.',
    'The campaign continues.',
  ),
  idiom(
    '\\bunless (?:told|said|asked)\\b|\\bwithout being (?:told|asked)\\b|\\bnot (?:told|asked) to\\b',
    'by default',
    'All outputs unless told.',
    'By default all outputs.',
  ),
  idiom(
    '\\b(?:come|comes|came|coming) up\\b',
    'occur, be reproduced',
    'It came up again in 10 of 10 runs.',
    'It was reproduced in 10 of 10 runs.',
  ),
  idiom(
    '\\btaken for\\b|\\btakes? (?:its|the|them|it)(?: \\w+)? for\\b',
    'treat as',
    'Two dimensions are taken for a picture.',
    'Two dimensions are treated as a picture.',
  ),
  idiom(
    '\\bin earnest\\b',
    'in production',
    'The values it is fed in earnest.',
    'The values it sees in production.',
  ),
  idiom('\\bmend(?:s|ed|ing)?\\b', 'fix, repair', 'Mend the seeds.', 'Fix the seeds.'),
  idiom(
    '\\botherwise than\\b|\\b(?:answers?|computes?|rounds?|packed|classified|reads?) otherwise\\b',
    'differently',
    'A copy that answers otherwise.',
    'A copy that answers differently.',
  ),
  idiom(
    '(?<!\\bthere )\\b(?:is|are|was|were|be) no\\b(?! (?:longer|more|less|better|worse|greater|larger|smaller|fewer|further|later)\\b)',
    'is not a …',
    'The folder is no campaign.',
    'The folder is not a campaign.',
  ),
  idiom(
    '(?<!\\bthere )\\b(?:is|are) none\\b',
    'is not one',
    'Constant operands are none.',
    'Constant operands do not count.',
  ),
  idiom(
    '\\bso (?:many|few)\\b',
    'the number',
    'Stop after so many mutants.',
    'Stop after this number of mutants.',
  ),
  idiom('\\banew\\b', 'again', 'Write it anew.', 'Write it again.'),
  idiom(
    '\\b(?:come|comes|came) to an end\\b',
    'finish, stop',
    'The model does not come to an end.',
    'The model does not finish.',
  ),
  idiom('\\b(?:eat|eats|ate) the memory\\b', 'exhaust memory', 'It eats the memory.', 'It exhausts memory.'),
  idiom('\\ball the same\\b', 'anyway, still', 'It tries all the same.', 'It tries anyway.'),
  idiom('\\bnow and then\\b', 'occasionally', 'It changes now and then.', 'It changes occasionally.'),
  idiom('\\bsome hundred\\b', 'about a hundred', 'Some hundred mutants.', 'About a hundred mutants.'),
  idiom('\\bbut for\\b(?! that)', 'except, apart from', 'All but for the first.', 'All except the first.'),
  idiom('\\bbeside (?:that|this),', 'in addition', 'Beside that, it logs.', 'In addition, it logs.'),
  idiom(
    '\\bbehind (?:colons|commas|its settings|the module|the path|the prompt|the end|a colon|a comma)\\b',
    'after',
    'Settings stand behind colons.',
    'Settings follow after colons.',
  ),
  idiom(
    '\\bstands? (?:in|above|there|below|beside|for good)\\b',
    'is',
    'The table stands below.',
    'The table is below.',
  ),
  idiom(
    '\\blie(?:s)? (?:beside|there|in no|by)\\b',
    'is',
    'The smaller finding lies beside it.',
    'The smaller finding is next to it.',
  ),
  idiom(
    '\\b(?:is|are|was) there (?:already|again)\\b|\\b(?:is|are) already there\\b',
    'already exists',
    'The file is there already.',
    'The file already exists.',
  ),
  idiom(
    '\\b(?:is|are|be) of (?:another|other|one|no)\\b',
    'has a different …',
    'The file is of another version.',
    'The file has a different version.',
  ),
  idiom(
    '\\b(?:is|are|was) another one\\b|\\b(?:checksum|version|digest) is another\\b',
    'differs',
    'The checksum is another.',
    'The checksum differs.',
  ),
  idiom(
    '\\b(?:is|are) told (?:by|from|apart)\\b|\\btold by\\b',
    'is recognised by, is inferred from',
    'A file is told by its bytes.',
    'A file is recognised by its bytes.',
  ),
  idiom(
    '\\b(?:has|have|had) (?:it|them) (?:mutated|changed|run|judged)\\b',
    'name the actor',
    '--range has it mutated.',
    'To mutate it, set --range.',
  ),
  idiom(
    '\\b(?:none|one|files|bug|part) of (?:ours|yours|theirs)\\b',
    'name the owner',
    'A message that is none of ours.',
    'A message that neurofuzz did not write.',
  ),
  idiom('\\bspeaks? of\\b', 'mention', 'Folders that nothing speaks of.', 'Folders that nothing mentions.'),
  idiom(
    '\\b(?:take|takes|taken|took) (?:it |them |(?:the |a )?\\w+ )?away\\b',
    'remove, delete',
    'It takes the folder away.',
    'It removes the folder.',
  ),
  idiom(
    '\\bmore than nothing\\b|\\blonger than nothing\\b',
    'above 0',
    'It must be longer than nothing.',
    'It must be longer than 0.',
  ),
  idiom(
    '\\b(?:or|and) (?:its|their) like\\b|\\bhas no like\\b|\\bhave no like\\b',
    'and similar',
    '--linf and its like.',
    '--linf and similar flags.',
  ),
  idiom(
    '\\b(?:came|come|comes) over\\b|\\bcomes? along\\b|\\bcame along\\b',
    'was transferred',
    'The vocabulary did not come along.',
    'The vocabulary was not transferred.',
  ),
  idiom('\\bto (?:begin|start) with\\b', 'already', 'It is wrong to begin with.', 'It is already wrong.'),
];

/** Relative clauses without a noun, and words that stand for a thing with a name. */
const NAMELESS: readonly Idiom[] = [
  idiom(
    '\\b(?:is|are) what\\b(?! (?:it|they|you))',
    'name the thing',
    'A fault is what findings share.',
    'A fault is the property that findings share.',
  ),
  idiom(
    '\\bwhat (?:is|was|are|were) (?:\\w+ly )?(?:new|there|gone|damaged|lost|wanted|left|kept|set|found|made|known|given|larger|smaller|longer|constant|inserted|flaky|imported|watched|changed|missing|said|written|compared|so short|on it)\\b',
    'name the thing that …',
    'It exits with 1 for what is new.',
    'It exits with 1 for new faults.',
  ),
  idiom(
    '\\bwhat (?:it|they|this|that|these|those|each|others|entries|mutants|you) (?:brings?|brought|found|finds|made|makes|does|took|led)\\b',
    'name the thing that …',
    'Mutators are chosen by what they brought.',
    'Mutators are chosen by their yield.',
  ),
  idiom(
    '\\bwhat (?:breaks|fails|comes|came|follows|leads|changes|stands|lies|needs|does not|can.t|cannot|must|should)\\b',
    'name the thing that …',
    'It keeps what fails.',
    'It keeps the inputs that fail.',
  ),
];

/** Private terms, and second words for a thing that has one in the glossary. */
const TERMS: readonly Idiom[] = [
  idiom(
    '\\bhalvings\\b',
    'closeness',
    '147 halvings away.',
    'The largest operand is 65.1; exp overflows at 88.7.',
  ),
  idiom(
    '\\b(?:go|goes|going|gone|went) wrong\\b',
    'fail, produce NaN or infinity',
    '1 site went wrong.',
    '1 site failed.',
  ),
  idiom(
    '\\b(?:looks?|looked|looking) into\\b',
    'checked, covered',
    'Sizes that were not looked into.',
    'Sizes that were not checked.',
  ),
  idiom('\\blooked at alone\\b', 'scored only', '40 were looked at alone.', '40 were scored only.'),
  idiom('\\bmade (?:it |them )?smaller\\b', 'minimized', 'It was made smaller.', 'It was minimized.'),
  idiom('\\bstrangers?\\b', 'untrusted', 'A model of a stranger.', 'An untrusted model.'),
  idiom(
    '\\bpassed round\\b',
    'carried from step to step',
    'A state passed round.',
    'A state carried from step to step.',
  ),
  idiom('\\ba sense of\\b', 'name it', 'It gives a sense of speed.', 'It shows the speed.'),
];

/** A number that does not agree with its noun. */
const AGREEMENT: readonly Idiom[] = [
  idiom(
    '(?<![\\w.,/^-])1 (?:more |new |other |of the )?(?:entries|faults|files|findings|folders|hits|inputs|lines|models|mutants|nights|operations|outputs|processes|prompts|rows|runs|seeds|sites|tasks|tensors|testcases|times|tokens|values|words|workers)\\b',
    'the singular',
    'It found 1 new faults.',
    'It found 1 new fault.',
  ),
];

export const IDIOMS: readonly Idiom[] = [...CALQUES, ...NAMELESS, ...TERMS, ...AGREEMENT];
