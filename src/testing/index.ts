/** `tributary/testing`: tests of processors, alone and in a server that lives in memory. */
export { type ExpectedAppend, type Given, type Outcome, given } from './given.ts'
export type { GivenEvent } from './given-events.ts'
export { TestClock } from './test-clock.ts'
export {
  type HandleOptions,
  type SettledProcessor,
  type TestClient,
  type TestServer,
  type TestServerOptions,
  createTestServer,
} from './test-server.ts'
