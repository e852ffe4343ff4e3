/** The contracts of what people write, as JSON Schema for their editors: `npm run schemas` writes them to docs/schemas. */
import { MissionFile } from './contracts/mission-file.ts';
import { Roster } from './contracts/roster.ts';
import { shapeOf, withSnakeCase, type Shape } from './contracts/shape.ts';

export const published: Record<string, Shape> = {
  'mission-file.json': { title: 'Mission file', ...shapeOf(MissionFile) },
  'roster.json': { title: 'Roster', ...withSnakeCase(shapeOf(Roster)) },
};

export function asText(schema: Shape): string {
  return `${JSON.stringify(schema, null, 2)}\n`;
}
