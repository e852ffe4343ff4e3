/** A contract as JSON Schema: what is published of it, and what tells people where a key belongs. */
import { z } from 'zod';

/** As much of JSON Schema as is looked into. */
export interface Shape {
  [keyword: string]: unknown;
  properties?: Record<string, Shape> | undefined;
  additionalProperties?: boolean | Shape | undefined;
  propertyNames?: Shape | undefined;
  items?: Shape | undefined;
  enum?: unknown[] | undefined;
}
export const Shape: z.ZodType<Shape> = z.lazy(() =>
  z.looseObject({
    properties: z.record(z.string(), Shape).optional(),
    additionalProperties: z.union([z.boolean(), Shape]).optional(),
    propertyNames: Shape.optional(),
    items: Shape.optional(),
    enum: z.array(z.unknown()).optional(),
  }),
);

/** The shape of what people write, before defaults are filled in. */
export function shapeOf(schema: z.ZodType): Shape {
  return Shape.parse(z.toJSONSchema(schema, { io: 'input' }));
}

export function toSnakeCase(key: string): string {
  return key.replaceAll(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}

export function toCamelCase(key: string): string {
  return key.replaceAll(/(?<=[a-z0-9])_([a-z])/g, (_match, letter: string) => letter.toUpperCase());
}

/** The same shape, where each key may be written either way, but not both. No key of two words may be required. */
export function withSnakeCase(shape: Shape): Shape {
  const { properties, additionalProperties, items } = shape;
  return {
    ...shape,
    ...(properties && bothSpellings(properties)),
    ...(typeof additionalProperties === 'object' && {
      additionalProperties: withSnakeCase(additionalProperties),
    }),
    ...(items && { items: withSnakeCase(items) }),
  };
}

function bothSpellings(properties: Record<string, Shape>): Shape {
  const spelt = Object.entries(properties).flatMap(([key, shape]) => {
    const inner = withSnakeCase(shape);
    return [...new Set([key, toSnakeCase(key)])].map((spelling) => [spelling, inner] as const);
  });
  const twice = Object.keys(properties)
    .filter((key) => toSnakeCase(key) !== key)
    .map((key) => ({ not: { required: [key, toSnakeCase(key)] } }));
  return { properties: Object.fromEntries(spelt), ...(twice.length > 0 && { allOf: twice }) };
}
