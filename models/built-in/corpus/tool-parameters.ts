// Names of parameters: a client writes what it likes, and the model must take them from the schema.

import { capitalize } from "./pattern.ts";
import type { Random } from "./random.ts";
import { inventedWord } from "./unknown.ts";

/** Other names of a parameter. No name that the evaluation asks with is here. */
const SYNONYMS: Readonly<Record<string, readonly string[]>> = {
  city: ["city_name", "cityName", "where", "municipality", "metropolis", "q", "address"],
  country: ["country_name", "countryName", "land", "country_code", "region"],
  a: ["number1", "left", "summand", "n1", "one", "lhs"],
  b: ["number2", "right", "addend", "n2", "two", "rhs"],
  minutes: ["mins", "timeout", "delay", "minutes_from_now", "wait"],
  to: ["to_address", "receiver", "toCity", "arrival", "destination", "email"],
  from: ["from_city", "fromCity", "departure", "source", "sender"],
  subject: ["subject_line", "headline", "re", "mailSubject"],
  name: ["person", "full_name", "contactName", "attendee", "callee", "userName"],
  dish: ["dish_name", "recipe", "food", "search_term"],
  nights: ["num_nights", "numNights", "night_count", "duration_nights"],
  item: ["item_name", "food", "article", "what", "menuItem"],
  quantity: ["count", "qty", "how_many", "units", "n"],
  topic: ["topic_name", "theme", "area", "search", "newsTopic"],
  degrees: ["temperature", "celsius", "target_temperature", "temp", "setpoint"],
  hour: ["start_time", "hour_of_day", "clock", "startHour", "o_clock"],
  label: ["tag", "alarm_name", "note"],
  phrase: ["q", "search_query", "terms", "searchTerm", "input", "text"],
  source: ["src", "begin", "pointA", "from_place"],
  destination: ["dest", "goal", "pointB", "to_place"],
  task: ["todo", "entry", "description", "taskText"],
  code: ["tracking_number", "trackingId", "parcel_id", "reference"],
  person: ["friend", "phone_contact", "to_person", "addressee"],
  message: ["body", "msg", "text", "content"],
  food: ["cuisine", "kind", "dish_type"],
  id: ["user_id", "userId", "uid", "identifier"],
  summary: ["headline", "issue", "problem", "short_description"],
  severity: ["priority", "prio", "urgency", "rank"],
  percent: ["volume", "loudness", "pct", "new_volume"],
  command: ["cmd", "script", "command_line", "shellCommand"],
  path: ["file", "filename", "file_path", "filePath"],
  price: ["max_price", "maxPrice", "budget", "limit"],
  date: ["day", "until", "deadline", "target_date"],
  animal: ["pet", "creature", "species"],
  grams: ["weight", "portion", "mass_g"],
  text: ["body", "note", "content", "noteText"],
  tags: ["labels", "keywords", "tag_list"],
  items: ["things", "goods", "list", "shopping_list"],
};

/** Names that the evaluation gives them: nothing in the training text has one of these names. */
export const UNSEEN_NAMES: Readonly<Record<string, readonly string[]>> = {
  city: ["place", "town", "location"],
  country: ["nation", "state"],
  a: ["first", "x"],
  b: ["second", "y"],
  minutes: ["duration", "length"],
  to: ["recipient", "target"],
  from: ["origin", "start"],
  subject: ["title", "about"],
  name: ["contact", "who"],
  dish: ["query", "meal"],
  nights: ["days", "stay"],
  item: ["product", "thing"],
  quantity: ["amount", "number_of_items"],
  topic: ["keyword", "category"],
  degrees: ["value", "level"],
  hour: ["time", "at"],
  label: ["caption", "alarmText"],
  phrase: ["needle", "lookup"],
  source: ["startPoint", "a_side"],
  destination: ["endPoint", "b_side"],
  task: ["chore", "errand"],
  code: ["shipment", "barcode"],
  person: ["buddy", "pal"],
  message: ["words", "sms_text"],
  food: ["taste", "craving"],
  id: ["member", "account_no"],
  summary: ["complaint", "fault"],
  severity: ["gravity", "grade"],
  percent: ["loudness_level", "gain"],
  command: ["instruction", "line"],
  path: ["victim", "doomed_file"],
  price: ["ceiling", "cap"],
  date: ["whenDue", "big_day"],
  animal: ["beast", "critter"],
  grams: ["ration", "dose"],
  text: ["memo", "jotting"],
  tags: ["stickers", "marks"],
  items: ["wares", "cartContents"],
};

const UNSEEN: ReadonlySet<string> = new Set(Object.values(UNSEEN_NAMES).flat());

/** Its own name, a synonym, either with something about it, or a word that means nothing. */
export function anyName(own: string, random: Random): string {
  for (;;) {
    const name = draw(own, random);
    if (!UNSEEN.has(name)) return name;
  }
}

function draw(own: string, random: Random): string {
  const kind = random.next();
  if (kind < 0.2) return own;
  const telling = random.pick([own, ...(SYNONYMS[own] ?? [])]);
  if (kind < 0.65) return telling;
  if (kind < 0.82) return affixed(telling, random);
  return meaningless(random);
}

function affixed(name: string, random: Random): string {
  const affix = random.pick("the my user new target input given wanted search main".split(" "));
  return random.pick([
    `${affix}_${name}`,
    `${name}_${random.pick(["name", "value", "param", "text", "arg", "field", "1"])}`,
    `${affix}${capitalize(name)}`,
    `${name}${random.pick(["Name", "Value", "Param", "Text", "Arg"])}`,
    `${affix}-${name}`,
    name.toUpperCase(),
  ]);
}

/** As in minified code, other languages, or a field that has a history. */
export function meaningless(random: Random): string {
  const [a, b] = [inventedWord(random).replace("-", ""), inventedWord(random).replace("-", "")];
  return random.pick([
    a,
    a,
    `${a}_${b}`,
    `${a}${capitalize(b)}`,
    `${random.pick("pqrstuvw".split(""))}${random.between(1, 9)}`,
    `${a}_${random.between(1, 20)}`,
    capitalize(a),
  ]);
}
