/** A JSON schema as a reader wants it: TypeScript's notation, limits as trailing comments. Only what our schemas use. */
import * as z from 'zod';

interface Schema {
  readonly type?: string | readonly string[];
  readonly const?: unknown;
  readonly enum?: readonly unknown[];
  readonly anyOf?: readonly Schema[];
  readonly oneOf?: readonly Schema[];
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly required?: readonly string[];
  readonly additionalProperties?: Schema | boolean;
  readonly items?: Schema;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly minLength?: number;
  readonly maxLength?: number;
  readonly maxItems?: number;
  readonly pattern?: string;
}

/** The notation of what a caller may send. */
export function typeNotation(type: z.ZodType): string {
  return notationOf(z.toJSONSchema(type, { io: 'input', unrepresentable: 'any' }) as Schema, '');
}

function notationOf(schema: Schema, indent: string): string {
  const choices = schema.anyOf ?? schema.oneOf;
  if (choices !== undefined) return choices.map((choice) => notationOf(choice, indent)).join(' | ');
  if (schema.const !== undefined) return JSON.stringify(schema.const);
  if (schema.enum !== undefined) return schema.enum.map((value) => JSON.stringify(value)).join(' | ');
  if (Array.isArray(schema.type)) return schema.type.map((type: string) => notationOf({ ...schema, type }, indent)).join(' | ');
  switch (schema.type) {
    case 'object':
      return objectNotation(schema, indent);
    case 'array':
      return `Array<${notationOf(schema.items ?? {}, indent)}>`;
    case 'integer':
    case 'number':
      return 'number';
    case 'string':
    case 'boolean':
    case 'null':
      return schema.type;
    default:
      return 'unknown';
  }
}

function objectNotation(schema: Schema, indent: string): string {
  const entries = Object.entries(schema.properties ?? {});
  if (entries.length === 0) {
    const { additionalProperties } = schema;
    return typeof additionalProperties === 'object' ? `Record<string, ${notationOf(additionalProperties, indent)}>` : '{}';
  }
  const inner = `${indent}  `;
  const lines = entries.map(([name, value]) => {
    const mark = schema.required?.includes(name) === true ? '' : '?';
    const limits = limitsOf(value);
    return `${inner}${name}${mark}: ${notationOf(value, inner)};${limits === '' ? '' : ` // ${limits}`}`;
  });
  return `{\n${lines.join('\n')}\n${indent}}`;
}

function limitsOf(schema: Schema): string {
  const bound = (value: number | undefined): number | undefined =>
    value === undefined || Math.abs(value) >= Number.MAX_SAFE_INTEGER ? undefined : value;
  const range = (unit: string, least: number | undefined, most: number | undefined): string[] => {
    if (least === undefined && most === undefined) return [];
    return [
      most === undefined ? `at least ${least}${unit}` : least === undefined ? `at most ${most}${unit}` : `${least} to ${most}${unit}`,
    ];
  };
  return [
    ...(schema.type === 'integer' ? ['integer'] : []),
    ...range('', bound(schema.minimum), bound(schema.maximum)),
    ...range(' characters', schema.minLength, schema.maxLength),
    ...range(' items', undefined, schema.maxItems),
    ...(schema.pattern === undefined ? [] : [schema.pattern]),
  ].join(', ');
}
