// Short stories with one hero, one place and an end.

import { capitalize, write } from "./pattern.ts";
import type { Random } from "./random.ts";
import { exchange, type Message, type Sample } from "./sample.ts";
import { CITIES } from "./world.ts";

export interface Story {
  readonly request: string;
  readonly text: string;
  readonly hero: string;
  readonly kind: string;
  readonly place: string;
}

const NAMES = {
  she: (
    "Mia Lily Anna Ella Nora Ruby Clara Emma Zoe Ida Lucy Rosa Maya Tilly Olga Vera Hazel Ivy Luna Greta Flora Stella " +
    "Wanda Bella Alice Daisy Eva Fiona Grace Hanna Iris Julia Kate Laura Molly Nina Paula Rita Sara Tina Yara Sophie " +
    "Martha Penny Poppy Betty Amelia Freya Maria Lena"
  ).split(" "),
  he: (
    "Tom Max Ben Leo Finn Otto Sam Hugo Paul Jack Theo Emil Oscar Felix Bruno Milo Karl Toby Ned Rolf Pip Ralph Gus " +
    "Anton Albert Bob Charlie David Edgar Fred George Henry Ivan Jonas Kurt Luis Martin Nick Peter Rufus Simon Tim " +
    "Victor Walter Arthur Benny Rocky Alex Ferdinand Pablo"
  ).split(" "),
};
const KINDS = (
  "cat dog fox rabbit bear mouse owl frog hedgehog duck dragon robot wizard pirate princess knight baker farmer girl " +
  "boy sailor penguin turtle squirrel pony lamb giant elf fisherman gardener badger otter goat parrot elephant lion " +
  "wolf snail beaver mole unicorn hamster tiger whale dolphin kitten puppy bee horse cow pig sheep monkey panda camel " +
  "crocodile giraffe kangaroo witch ghost king queen prince mermaid astronaut painter tailor doctor teacher shepherd " +
  "clown cook musician inventor fairy troll dwarf chicken goose raven seal crab spider ant"
).split(" ");
const ADJECTIVES =
  "little small brave curious kind shy young old clever quiet cheerful lonely gentle sleepy proud funny lazy friendly tiny patient".split(
    " ",
  );
const PLACES = [
  "a green forest",
  "an old castle",
  "a small village",
  "a quiet valley",
  "a house by the sea",
  "a big city",
  "a house on a sunny island",
  "a cabin on a snowy mountain",
  "a cottage on a hill",
  "a garden with a pond",
  "a cave behind a waterfall",
  "a windmill",
  "a lighthouse",
  "a boat on a river",
  "a treehouse",
  "a town by a lake",
  "a desert with one palm tree",
  "a tower of stone",
  "a meadow full of flowers",
  "a train station",
  "a bakery",
  "a library",
  "a harbour",
  "a wide field",
  "a hut in the woods",
  "a school on a hill",
  "a hut on a lonely beach",
  "a mill by a stream",
  "a market square",
  "a barn",
  "a small house on the moon",
  "a farm",
  "an old museum",
  "a zoo",
  "a deep jungle",
  "a big garden",
  "a noisy city",
  "a cold cave",
  "a space station",
  "a palace of ice",
  "a circus tent",
  "a toy shop",
  "an attic full of boxes",
  "a hollow tree",
  "the mountains",
  "the desert",
  "the forest",
  "the woods",
  "the jungle",
  "the snow",
  "the hills",
  "the countryside",
  "the old town",
  "the city",
  "the park",
  "the garden",
  "the north",
  "the valley",
  "the meadows",
  "a forest",
  "a castle",
  "a cave",
  "a village",
  "a city",
  "a desert",
  "a tower",
  "a swamp",
  "a school",
  "a palace",
  "a kingdom far away",
  "a port town",
  "an igloo",
  "a spaceship",
  "a submarine",
  "a volcano",
  "a hospital",
  "a kitchen",
  "a bookshop",
  "a cloud in the sky",
];
/** What one may wish a story about, without a word of who is its hero. */
const TOPICS = [
  "two friends",
  "[three|two] [brothers|sisters|children|animals|pirates]",
  "friendship",
  "[a|the] [lost|magic|broken|golden|old|secret] [toy|tree|door|map|key|garden|letter|stone|shoe|star]",
  "[the|a] [sea|moon|sun|rain|storm|snow|winter|summer|night|river|mountain|rainbow]",
  "[courage|kindness|honesty|patience|love|luck|hope|sharing|trust|magic|adventure|dreams|family]",
  "[Christmas|Halloween|a birthday|a wedding|a holiday|a journey|a party|a treasure|a race]",
  "someone who [is lost|is afraid|finds a friend|cannot sleep|wants to fly|lives alone]",
  "[animals|dragons|pirates|robots|fairies|ghosts|knights|space|the stars|the forest|the past|the future]",
  "a [mother|father|grandmother|grandfather|family|child|stranger|hero|neighbour]",
];
const THINGS =
  "lantern key kite drum hat ball map bell boat blanket flute basket mirror book ring scarf umbrella ladder spoon clock feather shell compass teapot crown whistle button pearl wheel letter".split(
    " ",
  );
const HELPERS =
  "crow snail butterfly grandmother miller squirrel swan whale turtle bee traveller postman cloud firefly gnome donkey stranger shepherd neighbour teacher seagull hare".split(
    " ",
  );
const WEATHERS = [
  "It was a warm morning.",
  "The wind was cold that day.",
  "Rain fell on the roof.",
  "The sun had just come up.",
  "Snow lay on the ground.",
  "The sky was clear and blue.",
  "It was a dark evening.",
  "Fog lay over everything.",
];

/** Each plot: what happens between the first sentence and the last. */
const PLOTS: readonly (readonly string[])[] = [
  [
    "One day, {h} lost {p} {thing}.|One morning, {p} {thing} was gone.|{H} had a {thing} that {s} loved, but one day it was lost.",
    "{S} looked everywhere, but could not find it.|{S} looked under the bed and behind the door.|{S} searched all day and became very sad.",
    'Then {s} met a {helper}. "I have seen your {thing}," said the {helper}.|A {helper} came by and asked, "Why are you sad?"|"Do not cry," said a {helper}. "I will help you."',
    "Together they found the {thing} under a tree.|They looked together, and soon they found the {thing}.|The {helper} showed {o} the way, and there lay the {thing}.",
    '{H} was so happy that {s} hugged the {helper}.|"Thank you!" said {h}, and they became friends.|From then on, {h} took good care of the {thing}.',
  ],
  [
    "{H} wanted to have a friend.|{H} had no one to play with.|{H} often felt alone.",
    "One day, {s} saw a {helper} near {hereShort}.|One day, a {helper} came to {hereShort}.|Then a {helper} knocked at the door.",
    'The {helper} was hungry, so {h} shared {p} bread.|"Would you like to play?" asked {h}.|{H} was shy at first, but then {s} said hello.',
    "They played with a {thing} until the sun went down.|They talked and laughed all day.|They told each other stories until it was dark.",
    '"Will you come again tomorrow?" asked {h}. "Of course," said the {helper}.|Now {h} had a friend.|After that day, {h} was never alone again.',
  ],
  [
    "One night, there was a great storm.|One day, dark clouds came and a storm began.|Suddenly the wind became very strong.",
    "A {helper} was outside and could not get home.|{H} heard somebody call for help. It was a {helper}.|In the rain sat a {helper}, cold and wet.",
    '{H} was afraid, but {s} took {p} {thing} and went out.|"I must help," said {h}, and {s} ran out with {p} {thing}.|{H} did not wait. {S} went out into the rain.',
    "{S} brought the {helper} inside and made some tea.|{S} took the {helper} by the hand and led it home.|With the help of the {thing}, they found the way back.",
    'In the morning the sun was shining, and the {helper} said thank you.|When the storm was over, they had breakfast together.|"You are very brave," said the {helper}.',
  ],
  [
    "{H} found a {thing} in the grass.|One day, {h} found an old {thing}.|Under a stone, {h} found a {thing}.",
    "It was no common {thing}: it could sing.|When {s} touched it, it began to shine.|The {thing} was magic. It could grant one wish.",
    '"What shall I do with it?" asked {h}. A {helper} heard {o}.|{H} showed the {thing} to a {helper}.|A {helper} said, "That {thing} belongs to everyone here."',
    "So {h} gave the {thing} to the people of {hereShort}.|{H} wished that everyone at {hereShort} would be happy.|{H} put the {thing} where all could see it.",
    "From that day on, there was music and light at {hereShort}.|Everybody danced, and {h} danced with them.|{H} smiled, because sharing felt good.",
  ],
  [
    "{H} wanted to see the world.|{H} wondered what was behind the hills.|One day, {h} packed a {thing} and went away.",
    "{S} walked for three days.|{S} walked past fields and rivers.|The way was long, and {p} feet were tired.",
    'On the way {s} met a {helper} who was lost.|On the road sat a {helper}. "Where are you going?" it asked.|A {helper} joined {o}, and they walked on together.',
    "They saw high mountains and the wide sea.|They saw a city with golden roofs.|They slept under the stars and ate berries.",
    "But in the end {h} missed {hereShort} and went home.|Then {h} thought of {hereShort} and turned back.|At last {s} came home, full of stories.",
  ],
  [
    "{H} planted a seed near {hereShort}.|One spring day, {h} put a seed into the ground.|A {helper} gave {h} a seed.",
    "{S} gave it water every day.|{S} waited and waited, but nothing grew.|Every morning {s} came to look.",
    '"Be patient," said the {helper}.|"It will never grow," said a {helper}. But {h} did not give up.|{H} sang to the seed, because {s} had no {thing} to play on.',
    "Then, one day, a small green leaf came out.|After a long time, a flower opened.|In summer it was a tall tree with red apples.",
    '{H} shared the apples with everyone.|{H} was proud, and all came to see it.|"Good things take time," said {h}.',
  ],
  [
    "{H} was afraid of the dark.|{H} did not like the night.|When it was dark, {h} was always afraid.",
    "One night, {s} heard a strange sound.|One night, something moved near {hereShort}.|One night, a light went by outside.",
    'It was only a {helper} with a {thing}.|{S} opened the door, and there stood a {helper}.|"Who is there?" asked {h}. "Only me," said a {helper}.',
    '"The night is beautiful," said the {helper}. "Come and look."|Together they looked at the moon.|The {helper} showed {o} all the stars.',
    "Since then, {h} has not been afraid of the dark.|That night, {h} slept very well.|{H} laughed, because there was nothing to fear.",
  ],
  [
    "There was a race near {hereShort}, and {h} wanted to win.|{H} wanted to win the big race.|Every year there was a race at {hereShort}.",
    'A {helper} was the fastest of all.|"You are too slow," said a {helper}.|{H} trained every morning with a {helper}.',
    "The race began, and {h} ran as fast as {s} could.|On the day of the race, everybody came to watch.|When the {thing} sounded, they all ran.",
    "Then the {helper} fell, and {h} stopped to help.|Near the end, {h} saw the {helper} lying on the ground.|{H} was first, but {s} turned back when the {helper} fell.",
    "They crossed the line together, and all clapped.|{H} did not win the race, but {s} won a friend.|Both of them got a prize.",
  ],
  [
    "{H} wanted to bake a cake for a {helper}.|It was the birthday of a {helper}, and {h} wanted to make a cake.|{H} had an idea: a big cake for everyone.",
    "But there was no sugar in the house.|But the oven was broken.|{S} put in flour, eggs and a little salt.",
    '{S} mixed it with a {thing}, since there was no spoon.|So {s} asked all the neighbours for help.|"I will try it anyway," said {h}.',
    "The cake was crooked, but it smelled very good.|When it was ready, it was as big as a table.|It was not pretty, but it was sweet.",
    'The {helper} ate three pieces and laughed.|All of them ate cake until the evening.|"This is the best cake ever," said the {helper}.',
  ],
  [
    "One day, a letter came for {h}.|{H} found a map in a {thing}.|A {helper} told {h} about a hidden treasure.",
    '"Follow the river," it said.|It showed the way to a treasure.|So {h} took a {thing} and went to look for it.',
    "{S} climbed over rocks and crossed a stream with a {helper}.|A {helper} went with {o}.|{S} dug a deep hole while a {helper} watched.",
    "In the end they found a box. It was full of old books.|They opened the box, and in it lay a single shell.|There was no gold, but a picture of {hereShort}.",
    '"This is better than gold," said {h}.|{H} took it home and showed it to everyone.|They laughed, because the way had been the treasure.',
  ],
];

const ENDS = [
  "The end.",
  "And they lived happily ever after. The end.",
  "The end.",
  "{H} went to bed with a smile. The end.",
  "And that is the story of {h}. The end.",
  "It had been a good day. The end.",
];

const OPENINGS = [
  "Once upon a time, there was a {adj} {kind} named {h}. {S} lived in {place}.",
  "Once there was a {adj} {kind}. {P} name was {h}, and {s} lived in {place}.",
  "In {place} lived a {adj} {kind} named {h}.",
  "Long ago, in {place}, there lived a {adj} {kind} called {h}.",
  "{H} was a {adj} {kind} who lived in {place}.",
  "A {adj} {kind} named {h} lived in {place}.",
];

const REQUESTS = {
  any: [
    "tell me a story",
    "tell me a [short|little|nice|new|good|bedtime|funny|sweet] story",
    "[a|one] [short|bedtime|nice|] story[,| ] please",
    "write a [short|little|] story",
    "can you tell [me|] a story?",
    "I want [to hear|] a story",
    "story please",
    "make up a story",
    "do you know a [nice|good|] story?",
    "story time!",
    "please tell me a story",
    "write me a story",
    "could you tell me a [short|] story?",
    "invent a [short|] story",
    "read me a story",
    "I'd like a story",
    "story",
  ],
  kind: [
    "tell me a [short|little|nice|] story about a {kind}",
    "write a [short|little|] story about a {kind}",
    "a story about a {kind}[, please|]",
    "can you tell me a story about a {kind}?",
    "I want [to hear|] a story about a {adj} {kind}",
    "tell me a story with a {kind}",
    "make up a story about a {adj} {kind}",
    "write [me|] a story about a {adj} {kind}",
    "once upon a time there was a {kind}, go on",
    "a {kind} story please",
    "tell me about a {kind} in a story",
  ],
  name: [
    "tell me a story about {h}",
    "tell me a story about {h} the {kind}",
    "write a [short|] story about a {kind} named {h}",
    "a story about a {kind} called {h}[, please|]",
    "tell me a story about a {adj} {kind} named {h}",
    "make up a story about {h}, a {adj} {kind}",
    "can you tell a story about {h} the {kind}?",
    "write a story in which {h} is a {kind}",
  ],
  topic: [
    "tell me a [short|nice|funny|] story about {topic}",
    "[please|] write [me|] a [short|little|] story about {topic}",
    "a story about {topic}[, please|]",
    "can you tell [me|us] a story about {topic}?",
    "make up a story about {topic}",
    "[I'd like|I want] a [bedtime|short|] story about {topic}",
  ],
  place: [
    "tell me a story about a {kind} in {place}",
    "[please|] tell me a [short|] story about a {adj} {kind} in {place}",
    "[I'd like|I want] a [bedtime|short|] story about a {kind} in {place}",
    "write a [short|] story about {h} the {kind} in {place}",
    "write a [short|] story about {h} in {place}",
    "write a story that happens in {place}",
    "a story in {place}[, please|]",
    "tell me a story about {h} the {kind} in {place}",
    "tell me a story about a {kind} who lives in {place}",
    "make up a story set in {place}",
  ],
};

export function tellStory(random: Random): Story {
  const she = random.chance(0.5);
  const hero = random.chance(0.1)
    ? capitalize(inventedName(random))
    : random.pick(she ? NAMES.she : NAMES.he);
  const kind = random.pick(
    KINDS.filter((each) =>
      she
        ? !/boy|fisherman|wizard|knight|king$|prince$/.test(each)
        : !/girl|princess|queen|witch|mermaid/.test(each),
    ),
  );
  const place = random.pick(random.chance(0.15) ? CITIES : PLACES);
  const slots = {
    h: hero,
    H: hero,
    s: she ? "she" : "he",
    S: she ? "She" : "He",
    o: she ? "her" : "him",
    p: she ? "her" : "his",
    P: she ? "Her" : "His",
    adj: random.pick(ADJECTIVES),
    topic: write(random.pick(TOPICS), random),
    kind,
    place,
    hereShort: place
      .replace(/^an? /, "the ")
      .replace(/ (by|on|behind|with|full|over|in|of) .*$/, ""),
    thing: random.pick(THINGS),
    helper: random.pick(HELPERS.filter((each) => each !== kind)),
  };
  const scenes = random.pick(PLOTS).map((scene) => random.pick(scene.split("|")));
  const sentences = [
    random.pick(OPENINGS),
    ...(random.chance(0.3) ? [random.pick(WEATHERS)] : []),
    ...scenes,
    random.pick(ENDS),
  ];
  const text = sentences.map((sentence) => withArticles(write(sentence, random, slots))).join(" ");
  const wish = random.pick([
    REQUESTS.any,
    REQUESTS.kind,
    REQUESTS.kind,
    REQUESTS.name,
    REQUESTS.place,
    REQUESTS.place,
    REQUESTS.topic,
  ]);
  const asked = withArticles(write(random.pick(wish), random, slots));
  const request = random.chance(0.6) ? capitalize(asked) : asked;
  return {
    request: request + (random.chance(0.4) && /\w$/.test(request) ? "." : ""),
    text,
    hero,
    kind,
    place,
  };
}

/** Heroes of other stories that the text names too. */
export function otherHeroes(text: string, hero: string): string[] {
  return [...NAMES.she, ...NAMES.he].filter(
    (name) => name !== hero && new RegExp(`\\b${name}\\b`).test(text),
  );
}

export function storySample(random: Random): Sample {
  const story = tellStory(random);
  return { kind: "story", template: "story", messages: exchange(story.request, story.text) };
}

/** A story, then questions about it. */
export function storyChat(random: Random): Sample {
  const story = tellStory(random);
  const questions: [string[], string][] = [
    [
      [
        "who is the story about?",
        "what is the name of the hero?",
        "what was [the hero|the name of the hero] called?",
        "who was the hero?",
        "who was in the story?",
        "what is the hero's name?",
      ],
      `It is about ${story.hero} the ${story.kind}.`,
    ],
    [
      [
        "where does the story happen?",
        "where did [the hero|{h}] live?",
        "where was that?",
        "in which place was it?",
        "where was the story?",
        "where did it take place?",
      ],
      `It happens in ${story.place}.`,
    ],
    [
      [
        "another one",
        "tell me another [story|one]",
        "one more [story|]",
        "again please, a new one",
        "more stories",
        "and another story?",
      ],
      tellStory(random).text,
    ],
  ];
  const messages: Message[] = exchange(story.request, story.text);
  for (const [asks, answer] of random.shuffle(questions).slice(0, random.between(1, 3))) {
    const asked = write(random.pick(asks), random, { h: story.hero });
    messages.push(...exchange(random.chance(0.6) ? capitalize(asked) : asked, answer));
    if (answer.endsWith("The end.")) break;
  }
  return { kind: "story", template: "story-chat", messages };
}

/** Two or three syllables: a name that no list has, so that names are copied and not guessed. */
function inventedName(random: Random): string {
  const syllables = "bo ra mi lo ta ka nu fi de su po zi ja wo ri ne la to mo vi".split(" ");
  return Array.from({ length: random.between(2, 3) }, () => random.pick(syllables)).join("");
}

/** "a owl" is "an owl". */
function withArticles(text: string): string {
  return text.replace(/\b([Aa]) (?=[aeio]|umbrella)/g, "$1n ");
}
