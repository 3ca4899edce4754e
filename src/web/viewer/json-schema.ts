/**
 * Checks what a server sends, by a JSON Schema that was made from the zod schema in `domain` when the page was
 * built: zod itself is half as large as a page may be.
 */

/** The keywords that `z.toJSONSchema` uses for the schemas of the pages. Others are ignored. */
export type JsonSchema = {
  readonly type?: string | readonly string[];
  readonly enum?: readonly unknown[];
  readonly const?: unknown;
  readonly properties?: Readonly<Record<string, JsonSchema>>;
  readonly required?: readonly string[];
  readonly additionalProperties?: boolean | JsonSchema;
  readonly items?: JsonSchema;
  readonly anyOf?: readonly JsonSchema[];
};

/** They are in the page; what the schemas have beside them is left out when it is built. */
export const KEYWORDS: ReadonlySet<string> = new Set<keyof JsonSchema>([
  "type",
  "enum",
  "const",
  "properties",
  "required",
  "additionalProperties",
  "items",
  "anyOf",
]);

const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === "object" && value !== null && !Array.isArray(value);

const isOfType = (type: string, value: unknown): boolean => {
  switch (type) {
    case "object":
      return isObject(value);
    case "array":
      return Array.isArray(value);
    case "null":
      return value === null;
    case "integer":
      return Number.isInteger(value);
    default:
      return typeof value === type;
  }
};

const hasProperties = (schema: JsonSchema, value: Readonly<Record<string, unknown>>): boolean => {
  const { properties = {}, required = [], additionalProperties: others } = schema;
  if (required.some((key) => !Object.hasOwn(value, key))) return false;
  return Object.entries(value).every(([key, one]) => {
    const known = Object.hasOwn(properties, key) ? properties[key] : undefined;
    if (known) return conforms(known, one);
    return typeof others === "object" ? conforms(others, one) : true;
  });
};

/** Whether a value has the form of the schema. Keys that the schema does not know are allowed. */
export const conforms = (schema: JsonSchema, value: unknown): boolean => {
  const { type, items, anyOf } = schema;
  if (type !== undefined && ![type].flat().some((one) => isOfType(one, value))) return false;
  if (schema.enum && !schema.enum.includes(value)) return false;
  if ("const" in schema && schema.const !== value) return false;
  if (anyOf && !anyOf.some((one) => conforms(one, value))) return false;
  if (items && Array.isArray(value) && !value.every((one) => conforms(items, one))) return false;
  return !isObject(value) || hasProperties(schema, value);
};
