import { z } from 'zod';

/** JSON Schema (draft 7) of an answer, for Fastify's serializer, which leaves out whatever the schema does not name. */
export function jsonSchema(schema: z.ZodType): object {
  return z.toJSONSchema(schema, {
    target: 'draft-7',
    override: ({ jsonSchema: node }) => {
      // `anyOf [x, null]` makes the serializer validate each value; `nullable` says the same and costs nothing.
      const [first, second] = node.anyOf ?? [];
      if (node.anyOf?.length !== 2 || typeof first !== 'object' || second === undefined) return;
      if (typeof second !== 'object' || second.type !== 'null') return;
      delete node.anyOf;
      Object.assign(node, first, { nullable: true });
    },
  });
}
