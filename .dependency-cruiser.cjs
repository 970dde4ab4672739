// The arrows of docs/architecture.md ("The house"), as rules of dependency-cruiser. `npm run arrows` checks them.
//
// Run it through scripts/arrows.mjs, never as bare `depcruise`: dependency-cruiser reads TypeScript with the compiler's
// JavaScript API, which TypeScript 7 no longer has, so on its own it sees no .ts file and finds nothing wrong. The
// script hands it the imports as JavaScript files of the same name with .mjs added: hence TS below.
//
// Who knows whom (the first part) is asked of all imports, types included. What is loaded (`reachable`, `circular`,
// `dependencyTypes`) is asked of the imports that are left at run time.

const TS = '\\.tsx?(?:\\.mjs)?$'
const TEST = '\\.test\\.'
/** What the tests of one part share. */
const TEST_SUPPORT = `/(?:testing|storage/contract|storage/contract/[a-z-]+|streams/(?:simulation|torture)/[a-z-]+|server/hostile-[a-z]+)${TS}`
const OURS = '^(?:src|e2e|bench|scripts|drizzle)/|^[^/]+\\.config\\.ts'

const APP_CONFIG = `^app\\.config${TS}`
/** Pure: shapes and rules that everyone may know, the browser too. */
const PURE_STREAMS = `^src/streams/(?:content-type|csv|event|event-input|json-text|utf8|path|errors|filter|filter-functions|filter-operators|filter-pattern|filter-program|filter-subject|filter-values)${TS}`
const FILTER = `^src/streams/(?:filter|filter-functions|filter-operators|filter-pattern|filter-program|filter-subject|filter-values)${TS}`
const IMPURE_STREAMS = '^src/streams/(?:storage|delivery|processors)/|^src/streams/(?:stream|engine)\\.'
/** The handle's public interface types. */
const HANDLE = `^src/itx/handle${TS}`
const QUERIES = `^src/itx/(?:queries(?:/|${TS})|navigation-state${TS}|project-overview${TS})`
/** Picks the server's or the browser's handle; its dynamic imports are cut out of the browser's bundle. */
const ISOMORPHIC = `^src/itx/(?:loader[^/]*|page-context|prefetch)${TS}`
const CLIENT = '^src/itx/client/'
const REACT = '^src/itx/react/'
const ITX_OF_THE_SERVER = '^src/itx/(?!client/|react/)'
/** The handle over a project that somebody was let into already. */
const TARGETS = `^src/itx/(?:handle|permissions|rpc-target|stream-target|project-access|project-target)${TS}`
const BROWSER_ENTRY = `^src/(?:client|router|start|routeTree\\.gen)${TS}`
const SERVER_ENTRY = `^src/server${TS}`

/** A part of the house and all of ours it may import, itself included. */
function layer(name, from, allowed, comment) {
  return {
    name,
    comment,
    severity: 'error',
    from: { path: from, pathNot: [TEST, TEST_SUPPORT] },
    to: { path: OURS, pathNot: allowed },
  }
}

const SEES_THE_HANDLE = [CLIENT, REACT, QUERIES, ISOMORPHIC, HANDLE, PURE_STREAMS]
const MAKES_A_SERVER = ['^src/(?:server|http|streams|control-plane)/', ITX_OF_THE_SERVER, APP_CONFIG, SERVER_ENTRY]

const layers = [
  layer('streams-imports-nothing-of-ours', '^src/streams/', ['^src/streams/'], 'the engine stands alone'),
  layer(
    'control-plane-knows-pure-streams-and-config',
    '^src/control-plane/',
    ['^src/control-plane/', PURE_STREAMS, APP_CONFIG],
    'what it needs of the engine (audit) is a port that src/server implements',
  ),
  layer(
    'itx-knows-streams-and-control-plane',
    '^src/itx/(?!client/|react/|queries|navigation-state)',
    ['^src/itx/(?!react/)', '^src/streams/', '^src/control-plane/', APP_CONFIG],
    'the handle is built on the engine and the control plane, and knows no door but its own',
  ),
  layer(
    'itx-queries-know-the-loader',
    QUERIES,
    [QUERIES, ISOMORPHIC, CLIENT, HANDLE, PURE_STREAMS],
    'query definitions are loaded by browser and server alike',
  ),
  layer('itx-client-stands-alone', CLIENT, [CLIENT, HANDLE, PURE_STREAMS], 'the client of a tab, the CLI and users'),
  layer('itx-react-knows-client-and-queries', REACT, SEES_THE_HANDLE, 'provider and hooks over the client'),
  layer('components-see-the-handle', '^src/components/', ['^src/components/', ...SEES_THE_HANDLE], 'never the server'),
  layer('mirror-sees-the-handle', '^src/mirror/', ['^src/mirror/', ...SEES_THE_HANDLE], 'never the server'),
  layer('stream-db-sees-the-handle', '^src/stream-db/', ['^src/stream-db/', ...SEES_THE_HANDLE], 'never the server'),
  layer(
    'http-knows-itx',
    '^src/http/',
    ['^src/http/', ITX_OF_THE_SERVER, PURE_STREAMS, APP_CONFIG],
    'project, role and engine come from itx/access, the one access boundary',
  ),
  layer(
    'routes-know-itx-and-components',
    '^src/routes/',
    ['^src/(?:routes|components|mirror|stream-db|itx)/', PURE_STREAMS],
    'thin: loaders prefetch, components compose',
  ),
  layer(
    'cli-knows-the-client-and-local-administration',
    '^src/cli/',
    ['^src/cli/', '^src/control-plane/', CLIENT, HANDLE, PURE_STREAMS, APP_CONFIG],
    'everything else it does, it does through the handle',
  ),
  layer(
    'testing-runs-the-engine-in-memory',
    '^src/testing/',
    ['^src/testing/', '^src/streams/', CLIENT, TARGETS],
    'what users test their processors with: the engine and the handle, no door',
  ),
  layer('server-makes-the-process', `^src/server/|${SERVER_ENTRY}`, MAKES_A_SERVER, 'entry, singletons, shutdown'),
  layer(
    'browser-entry-knows-routes',
    BROWSER_ENTRY,
    [BROWSER_ENTRY, '^src/(?:routes|components|mirror|stream-db)/', ISOMORPHIC, ...SEES_THE_HANDLE],
    'the router, and what starts it in a tab',
  ),
  layer('app-config-imports-nothing-of-ours', APP_CONFIG, ['^$'], 'it is read before anything else exists'),
  layer(
    'every-part-of-src-has-a-rule',
    '^src/',
    [TEST],
    'a new folder gets its layer here, and its line in docs/architecture.md, before it imports anything',
  ),
]
const known = layers.filter((rule) => rule.name !== 'every-part-of-src-has-a-rule').map((rule) => rule.from.path)
layers.at(-1).from.pathNot.push(...known)

module.exports = {
  forbidden: [
    ...layers,
    {
      name: 'src-imports-no-workshop',
      comment: 'e2e, bench and scripts use the product, never the other way round; tests included',
      severity: 'error',
      from: { path: '^(?:src/|app\\.config)' },
      to: { path: '^(?:e2e|bench|scripts)/' },
    },
    {
      name: 'nothing-imports-a-test',
      comment: 'what two tests share is a file of its own',
      severity: 'error',
      from: {},
      to: { path: TEST },
    },
    {
      name: 'product-imports-no-test-support',
      comment: 'testing.ts may use what production does not install',
      severity: 'error',
      from: { path: '^(?:src/|[^/]+\\.config)', pathNot: [TEST, TEST_SUPPORT] },
      to: { path: TEST_SUPPORT },
    },
    {
      name: 'pure-streams-stay-pure',
      comment: 'the browser loads them: no package, no Node module, nothing of the engine that is not pure itself',
      severity: 'error',
      from: { path: PURE_STREAMS, pathNot: [FILTER] },
      to: { path: `^node_modules/|${IMPURE_STREAMS}` },
    },
    {
      name: 'the-filter-knows-two-packages',
      comment: 'a parser of CEL and linear regular expressions; both run in a browser, and nothing else may come along',
      severity: 'error',
      from: { path: FILTER, pathNot: [TEST] },
      to: { path: `^node_modules/(?!@marcbachmann/cel-js/|@bufbuild/re2/)|${IMPURE_STREAMS}` },
    },
    {
      name: 'storage-tables-know-no-host',
      comment: "they run in a Durable Object as well: the connection and its transactions are the host's",
      severity: 'error',
      from: { path: '^src/streams/storage/(?:sql|durable-object)/', pathNot: [TEST, TEST_SUPPORT] },
      to: { path: '^node_modules/|^src/streams/storage/(?:sqlite|memory)' },
    },
    {
      name: 'pure-streams-use-no-node-module',
      comment: 'the browser loads them',
      severity: 'error',
      from: { path: PURE_STREAMS },
      to: { dependencyTypes: ['core'] },
    },
    {
      name: 'every-import-resolves',
      comment: 'an import that leads nowhere would slip through every other rule',
      severity: 'error',
      from: {},
      to: { path: '^\\.', couldNotResolve: true },
    },
    {
      name: 'browser-never-reaches-the-server',
      comment:
        'not through any chain of imports; a dynamic import in src/itx/loader*.ts and page-context.ts is cut from the bundle',
      severity: 'error',
      from: { path: '^src/(?:components|mirror|stream-db|itx/client|itx/react)/', pathNot: [TEST] },
      to: { path: '^src/(?:control-plane|streams/storage)/', reachable: true },
    },
    {
      name: 'routes-never-reach-the-server',
      comment:
        'route files are shipped to the browser as well: the server is behind src/itx/loader*.ts and page-context.ts',
      severity: 'error',
      from: { path: `^src/routes/|${BROWSER_ENTRY}`, pathNot: [TEST] },
      to: { path: '^src/(?:control-plane|streams/storage)/', reachable: true },
    },
    {
      name: 'testing-never-reaches-a-database',
      comment: 'it is loaded by the tests of others, who have installed none: not through any chain of imports',
      severity: 'error',
      from: { path: '^src/testing/', pathNot: [TEST] },
      to: {
        path: '^src/(?:control-plane/(?!roles\\.)|streams/storage/(?:sql|sqlite|durable-object)/)',
        reachable: true,
      },
    },
    {
      name: 'vite-config-never-reaches-the-engine',
      comment: 'it would be a second instance, outside the module graph that dev reloads',
      severity: 'error',
      from: { path: '^vite\\.config\\.' },
      to: { path: '^src/(?:streams|control-plane)/', reachable: true },
    },
    {
      name: 'no-circular-imports',
      comment: 'two files that need each other are one idea, or three',
      severity: 'error',
      from: {},
      to: { circular: true },
    },
    {
      name: 'src-uses-no-dev-dependency',
      comment: 'production installs none',
      severity: 'error',
      from: { path: '^(?:src/|app\\.config)', pathNot: [TEST, TEST_SUPPORT] },
      to: { dependencyTypes: ['npm-dev'] },
    },
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    moduleSystems: ['es6', 'cjs'],
    enhancedResolveOptions: {
      exportsFields: ['exports'],
      conditionNames: ['import', 'node', 'default', 'types'],
      extensions: ['.mjs', '.js', '.cjs', '.json'],
    },
  },
}
