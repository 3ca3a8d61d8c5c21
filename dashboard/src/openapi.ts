/** `/api/openapi.json`, made from the schemas that check what goes in and out. */
import swagger from '@fastify/swagger';
import type { FastifyInstance } from 'fastify';
import { z } from 'zod';

export async function addOpenApi(server: FastifyInstance): Promise<void> {
  await server.register(swagger, {
    openapi: {
      openapi: '3.0.3',
      info: {
        title: 'Millrace',
        version: '1',
        description:
          'Readings of a city and how complete they are. Times are Unix time in ms; errors are `{ "error": "a sentence" }`. Send the cookie that `POST /api/session` gives, where the operator asks for a login.',
      },
    },
    transform: ({ schema, url }) => ({
      url,
      schema: Object.fromEntries(
        Object.entries(schema ?? {}).map(([key, value]) => [
          key,
          value instanceof z.ZodType ? inputSchema(value) : value,
        ]),
      ),
    }),
  });
  server.get('/api/openapi.json', { schema: { hide: true } }, async () => server.swagger());
}

/** What the API takes, before defaults are filled in and texts made numbers. */
function inputSchema(schema: z.ZodType): object {
  const { $schema: _, ...rest } = z.toJSONSchema(schema, {
    target: 'openapi-3.0',
    io: 'input',
    unrepresentable: 'any',
  });
  return rest;
}
