/** Reads what people write in YAML by a contract. Each fault has its line, column and key, and says what to do. */
import { isAlias, isMap, isScalar, isSeq, LineCounter, parseDocument, visit, type Document } from 'yaml';
import type { z } from 'zod';
import { shapeOf, toCamelCase, toSnakeCase, type Shape } from '../schema/contracts/shape.ts';
import { nearest } from './nearest.ts';

export interface Fault {
  line: number;
  column: number;
  /** As the file spells it; empty where the whole file is meant. */
  key: string;
  message: string;
}

/** A few aliases are of use; a limit stops those that explode. */
const maxAliasCount = 100;

type Path = readonly PropertyKey[];
type Issue = z.core.$ZodIssue;

/** Keys may be written in snake_case as well. No value stands in a fault: it may be a secret. */
export function readLocated<Schema extends z.ZodType>(
  schema: Schema,
  text: string,
): { value: z.infer<Schema> } | { faults: Fault[] } {
  const reading = new Reading(shapeOf(schema), text);
  const broken = reading.syntaxFault();
  if (broken) return { faults: [broken] };
  const faults = reading.unifySpelling();
  if (faults.length > 0) return { faults };
  const parsed = schema.safeParse(reading.value());
  if (parsed.success) return { value: parsed.data };
  const found = parsed.error.issues.flatMap((issue) => reading.explain(issue));
  return { faults: found.sort((a, b) => a.line - b.line || a.column - b.column) };
}

interface Place {
  offset: number;
  key: string;
  /** What stands there; undefined where nothing does. */
  node: unknown;
}

class Reading {
  private readonly lines = new LineCounter();
  private readonly document: Document.Parsed;
  private readonly shape: Shape;
  private readonly text: string;

  constructor(shape: Shape, text: string) {
    this.shape = shape;
    this.text = text;
    this.document = parseDocument(text, { lineCounter: this.lines, prettyErrors: false });
  }

  syntaxFault(): Fault | undefined {
    // The first one alone: the others mostly follow from it.
    const [first] = [...this.document.errors, ...this.document.warnings];
    if (first) {
      // Behind the colon the parser may quote the file.
      const message = `${first.message.split(':')[0] ?? ''}: mend the YAML here`;
      return this.fault(first.pos[0], '', message);
    }
    const key = this.oddKey();
    if (key !== undefined) return this.fault(key, '', 'a key must be a text: mend the YAML here');
    try {
      this.value();
      return undefined;
    } catch {
      return this.fault(0, '', 'its aliases can not be followed: write out what they stand for');
    }
  }

  /** Where a list, a map or a number stands for a key. As a text of its own making it could show a secret. */
  private oddKey(): number | undefined {
    let odd: number | undefined;
    visit(this.document, {
      Pair: (_index, { key }) => {
        if (isScalar(key) && typeof key.value === 'string') return undefined;
        odd = offsetOf(key);
        return visit.BREAK;
      },
    });
    return odd;
  }

  value(): unknown {
    const value: unknown = this.document.toJS({ maxAliasCount });
    return value ?? {};
  }

  /** Makes all keys camelCase, as the contract has them. */
  unifySpelling(node: unknown = this.document.contents, shape = this.shape, path: Path = []): Fault[] {
    const target = this.follow(node);
    if (isSeq(target)) {
      const { items } = shape;
      return items ? target.items.flatMap((item, i) => this.unifySpelling(item, items, [...path, i])) : [];
    }
    if (!isMap(target)) return [];
    return [...target.items].flatMap(({ key, value }) => {
      if (!isScalar(key) || typeof key.value !== 'string') return [];
      const written = key.value;
      const camel = toCamelCase(written);
      const name = propertyOf(shape, camel) ? camel : written;
      if (name !== written && target.has(name)) {
        const { offset, key: shown } = this.place([...path, written]);
        return [this.fault(offset, shown, `is there as ${name} too: keep one of them`)];
      }
      key.value = name;
      const inner = shapeAt(shape, [name]);
      return inner ? this.unifySpelling(value, inner, [...path, name]) : [];
    });
  }

  explain(issue: Issue): Fault[] {
    if (issue.code === 'unrecognized_keys') {
      return issue.keys.map((key) => {
        const { offset, key: shown } = this.place([...issue.path, key]);
        return this.fault(offset, shown, this.whereItBelongs(issue.path, this.spelt(key, offset)));
      });
    }
    if (issue.code === 'invalid_key') {
      // Where the name itself is wrong it may be a secret that has slipped out of its place.
      const { key } = this.place(issue.path.slice(0, -1));
      return [this.fault(this.place(issue.path).offset, key, issue.issues[0]?.message ?? issue.message)];
    }
    const { offset, key, node } = this.place(issue.path);
    return [this.fault(offset, key, remedyOf(issue, this.follow(node)))];
  }

  private whereItBelongs(path: Path, key: string): string {
    const here = shapeAt(this.shape, path) ?? {};
    const known = [...Object.keys(here.properties ?? {}), ...textsOf(here.propertyNames?.enum)];
    const asWritten = (name: string): string => (key.includes('_') ? toSnakeCase(name) : name);
    const meant = nearest(key, known);
    if (meant !== undefined) return `is no key: did you mean ${asWritten(meant)}?`;
    const elsewhere = placeOf(this.shape, toCamelCase(key));
    if (elsewhere !== undefined) return `is no key here: it belongs ${elsewhere}`;
    return `is no key: take it away, or use one of ${known.map(asWritten).join(', ')}`;
  }

  /** Where a path leads in the file; of what is missing, where it would stand. */
  private place(path: Path): Place {
    let place: Place = { offset: offsetOf(this.document.contents), key: '', node: this.document.contents };
    for (const segment of path) place = this.step(place, segment);
    return place;
  }

  private step({ offset, key, node }: Place, segment: PropertyKey): Place {
    const target = this.follow(node);
    if (isSeq(target) && typeof segment === 'number') {
      const item = target.items[segment];
      return { offset: offsetOf(item) || offset, key: `${key}[${segment}]`, node: item };
    }
    const name = String(segment);
    const prefix = key === '' ? '' : `${key}.`;
    const pair = isMap(target)
      ? target.items.find((each) => isScalar(each.key) && String(each.key.value) === name)
      : undefined;
    if (!pair) return { offset, key: prefix + name, node: undefined };
    const at = offsetOf(pair.key);
    return { offset: at, key: prefix + this.spelt(name, at), node: pair.value };
  }

  /** A key as the file has it, where it has it there. */
  private spelt(key: string, offset: number): string {
    // Where a text stands in the place of a key it may be a secret.
    if (!/^[\w-]{1,63}$/.test(key)) return '(not shown)';
    const snake = toSnakeCase(key);
    return this.text.startsWith(snake, offset) ? snake : key;
  }

  private follow(node: unknown): unknown {
    return isAlias(node) ? node.resolve(this.document) : node;
  }

  private fault(offset: number, key: string, message: string): Fault {
    const { line, col } = this.lines.linePos(offset);
    return { line: Math.max(1, line), column: Math.max(1, col), key, message };
  }
}

function offsetOf(node: unknown): number {
  const isPlaced = isScalar(node) || isMap(node) || isSeq(node) || isAlias(node);
  return isPlaced ? (node.range?.[0] ?? 0) : 0;
}

const kinds = new Map([
  ['string', 'a text'],
  ['boolean', 'true or false'],
  ['array', 'a list'],
  ['object', 'a map of keys and values'],
  ['record', 'a map of keys and values'],
]);

function remedyOf(issue: Issue, node: unknown): string {
  const choices = issue.code === 'invalid_value' ? issue.values.map(String) : [];
  if (node === undefined) return `is missing: add it${choices.length === 1 ? `, as ${choices.join()}` : ''}`;
  const value = isScalar(node) ? node.value : undefined;
  if (value === null) return 'has no value: give it one, or take the key away';
  if (issue.code === 'invalid_value') {
    const meant = typeof value === 'string' ? nearest(value, choices) : undefined;
    const asked = meant === undefined ? '' : `; did you mean ${meant}?`;
    return choices.length === 1
      ? `must be ${choices.join()}`
      : `must be one of ${choices.join(', ')}${asked}`;
  }
  if (issue.code !== 'invalid_type') return issue.message;
  const isUnquoted = issue.expected === 'string' && value !== undefined;
  return `must be ${kinds.get(issue.expected) ?? issue.expected}${isUnquoted ? ': put it in quotes' : ''}`;
}

function propertyOf(shape: Shape, key: string): Shape | undefined {
  return shape.properties && Object.hasOwn(shape.properties, key) ? shape.properties[key] : undefined;
}

function shapeAt(shape: Shape | undefined, path: Path): Shape | undefined {
  const [segment, ...rest] = path;
  if (segment === undefined || !shape) return shape;
  if (typeof segment === 'number') return shapeAt(shape.items, rest);
  const { additionalProperties } = shape;
  const others = typeof additionalProperties === 'object' ? additionalProperties : undefined;
  return shapeAt(propertyOf(shape, String(segment)) ?? others, rest);
}

/** The first place in a shape that knows a key, in words. */
function placeOf(shape: Shape, key: string, words = 'at the top level', name = ''): string | undefined {
  if (propertyOf(shape, key)) return words;
  const { properties = {}, items, additionalProperties } = shape;
  const entry = items ?? (typeof additionalProperties === 'object' ? additionalProperties : undefined);
  const inEntry = entry && placeOf(entry, key, `in an entry of ${name}:`, name);
  if (inEntry !== undefined) return inEntry;
  for (const [inner, innerShape] of Object.entries(properties)) {
    const found = placeOf(innerShape, key, `under ${inner}:`, inner);
    if (found !== undefined) return found;
  }
  return undefined;
}

function textsOf(values: readonly unknown[] = []): string[] {
  return values.filter((value) => typeof value === 'string');
}
