// What tedious sees of the server.  The work comes as JSON on stdin; a line of JSON goes out for each check.
'use strict';
const assert = require('assert');
const fs = require('fs');
const { Connection, Request, TYPES, ISOLATION_LEVEL } = require('tedious');

const work = JSON.parse(fs.readFileSync(0, 'utf8'));

function connect(more = {}, password = work.password) {
  return new Promise((resolve, reject) => {
    const c = new Connection({
      server: work.host,
      authentication: { type: 'default', options: { userName: work.user, password } },
      options: { port: work.port, database: work.database, encrypt: false, trustServerCertificate: true, useUTC: true, ...more },
    });
    c.on('error', () => {}); // the requests say it
    c.on('connect', (e) => (e ? reject(e) : resolve(c)));
    c.connect();
  });
}

function run(c, sql, params = [], how = 'execSql') {
  return new Promise((resolve, reject) => {
    const rows = [];
    const r = new Request(sql, (e) => (e ? reject(e) : resolve(rows)));
    for (const p of params) r.addParameter(...p);
    r.on('row', (columns) => rows.push(columns.map((v) => v.value)));
    c[how](r);
  });
}

const batch = (c, sql) => run(c, sql, [], 'execSqlBatch');
const step = (f) => new Promise((resolve, reject) => f((e, v) => (e ? reject(e) : resolve(v))));

function shown(v) {
  if (v instanceof Date) return v.toISOString();
  return Buffer.isBuffer(v) ? v.toString('hex') : v;
}

async function compareTypes(c) {
  for (const sql of work.setup) await batch(c, sql);
  for (const sql of [work.select, work.selectNever]) {
    const [values, second] = await batch(c, sql);
    work.wanted.forEach((wanted, i) => assert.deepStrictEqual(shown(values[i]), wanted, `${work.declarations[i]}: ${shown(values[i])} instead of ${wanted}`));
    if (sql === work.select) assert.ok(second.every((v) => v === null), 'NULLs');
  }
}

async function parameters(c) {
  const at = new Date('2024-05-01T10:11:12.123Z');
  const cases = [
    [TYPES.Int, 5], [TYPES.Int, null], [TYPES.BigInt, '-9223372036854775808'], [TYPES.TinyInt, 255], [TYPES.Bit, true], [TYPES.Float, 1.5],
    [TYPES.Real, 0.25], [TYPES.Decimal, -12.5, { precision: 10, scale: 2 }], [TYPES.Money, 3.25], [TYPES.NVarChar, '日本 😀'],
    [TYPES.NVarChar, ''], [TYPES.NVarChar, 'x'.repeat(100000), { length: Infinity }], [TYPES.VarChar, 'café'], [TYPES.VarBinary, Buffer.from([0, 255])],
    [TYPES.DateTime2, at, { scale: 7 }], [TYPES.DateTimeOffset, at, { scale: 3 }], [TYPES.DateTime, at], [TYPES.Date, new Date('0001-01-01T00:00:00Z')],
    [TYPES.Time, new Date('1970-01-01T23:59:59.999Z'), { scale: 3 }], [TYPES.UniqueIdentifier, '00112233-4455-6677-8899-AABBCCDDEEFF'],
  ];
  const list = cases.map((_, i) => `@p${i} AS p${i}`).join(', ');
  const [row] = await run(c, `SELECT ${list}`, cases.map(([type, value, options], i) => [`p${i}`, type, value, options]));
  cases.forEach(([type, value], i) => assert.deepStrictEqual(shown(row[i]), shown(value), `${type.name}: ${shown(row[i])} instead of ${shown(value)}`));
}

async function prepared(c) {
  const got = [];
  const r = new Request('SELECT @a AS a', (e) => { if (e) got.push(e.message); });
  r.addParameter('a', TYPES.Int);
  r.on('row', (columns) => got.push(columns[0].value));
  const next = (event, f) => new Promise((resolve) => { r.once(event, resolve); f(); });
  await next('prepared', () => c.prepare(r));
  await next('requestCompleted', () => c.execute(r, { a: 7 }));
  await next('requestCompleted', () => c.execute(r, { a: 8 }));
  await next('requestCompleted', () => c.unprepare(r));
  assert.deepStrictEqual(got, [7, 8]);
}

async function transactions(c) {
  await batch(c, 'DROP TABLE IF EXISTS dbo.conf_node; CREATE TABLE dbo.conf_node (id int NOT NULL PRIMARY KEY)');
  await step((f) => c.beginTransaction(f, '', ISOLATION_LEVEL.READ_COMMITTED));
  await run(c, 'INSERT INTO dbo.conf_node (id) VALUES (1)');
  await step((f) => c.rollbackTransaction(f));
  await step((f) => c.beginTransaction(f));
  await run(c, 'INSERT INTO dbo.conf_node (id) VALUES (2)');
  await step((f) => c.commitTransaction(f));
  assert.deepStrictEqual(await batch(c, 'SELECT id FROM dbo.conf_node'), [[2]]);
  await batch(c, 'DROP TABLE dbo.conf_node');
}

async function errors(c) {
  for (const [sql, number] of [['SELECT * FROM dbo.conf_no_such_table', 208], ['SELECT CAST(N\'x\' AS int)', 245]])
    await assert.rejects(run(c, sql), (e) => e.number === number || assert.fail(`${sql}: ${e.number} ${e.message}`));
  assert.deepStrictEqual(await run(c, 'SELECT 1'), [[1]]);
}

async function cancelled(c) {
  const values = Array.from({ length: 900 }, (_, i) => `(${i})`).join(', ');
  await batch(c, `DROP TABLE IF EXISTS dbo.conf_many; CREATE TABLE dbo.conf_many (n int NOT NULL); INSERT INTO dbo.conf_many (n) VALUES ${values}`);
  let rows = 0;
  await assert.rejects(new Promise((resolve, reject) => {
    const r = new Request('SELECT a.n, b.n FROM dbo.conf_many a CROSS JOIN dbo.conf_many b', (e) => (e ? reject(e) : resolve()));
    r.on('row', () => { if (++rows === 1) c.cancel(); });
    c.execSqlBatch(r);
  }), (e) => e.code === 'ECANCEL' || assert.fail(e.message));
  assert.ok(rows < 810000, `${rows} rows came`);
  assert.deepStrictEqual(await batch(c, 'SELECT 1'), [[1]]);
  await batch(c, 'DROP TABLE dbo.conf_many');
}

async function bulkLoad(c) {
  await batch(c, 'DROP TABLE IF EXISTS dbo.conf_node; CREATE TABLE dbo.conf_node (id int NOT NULL, name nvarchar(50) NULL)');
  const rows = await new Promise((resolve, reject) => {
    const load = c.newBulkLoad('dbo.conf_node', (e, n) => (e ? reject(e) : resolve(n)));
    load.addColumn('id', TYPES.Int, { nullable: false });
    load.addColumn('name', TYPES.NVarChar, { length: 50, nullable: true });
    c.execBulkLoad(load, Array.from({ length: 3000 }, (_, i) => ({ id: i, name: i % 2 ? `row ${i}` : null })));
  });
  assert.strictEqual(rows, 3000);
  assert.deepStrictEqual(await batch(c, 'SELECT COUNT(*), COUNT(name), MAX(id) FROM dbo.conf_node'), [[3000, 1500, 2999]]);
  await batch(c, 'DROP TABLE dbo.conf_node');
}

async function pooled(c) {
  await batch(c, 'SET ROWCOUNT 1');
  await step((f) => c.reset(f));
  assert.strictEqual((await batch(c, 'SELECT 1 AS a UNION ALL SELECT 2')).length, 2);
}

const refused = (more, password, part) =>
  assert.rejects(connect(more, password), (e) => e.message.includes(part) || assert.fail(e.message));

const CHECKS = [
  ['every type and NULL', {}, compareTypes], ['parameters of every type', {}, parameters], ['prepare, execute, unprepare', {}, prepared],
  ['transactions', {}, transactions], ['errors, and the connection after them', {}, errors], ['cancel in the middle of rows', {}, cancelled],
  ['bulk load', {}, bulkLoad], ['a connection that is reset', {}, pooled], ['the whole session in TLS', { encrypt: true }, parameters],
  ['large rows in TLS', { encrypt: true }, compareTypes], ['packets of 512 bytes', { packetSize: 512 }, parameters],
  ['packets of 32767 bytes', { packetSize: 32767 }, compareTypes],
];

async function main() {
  const tell = (check, why) => process.stdout.write(`${JSON.stringify({ check, why })}\n`);
  const attempt = async (check, f) => {
    try {
      await f();
      tell(check, null);
    } catch (e) {
      tell(check, String((e && e.message) || e));
    }
  };
  for (const [check, options, f] of CHECKS)
    await attempt(check, async () => {
      const c = await connect(options);
      try {
        await f(c);
      } finally {
        c.close();
      }
    });
  await attempt('a wrong password', () => refused({}, 'not it', 'Login failed'));
  await attempt('a database that is not there', () => refused({ database: 'conf_nowhere' }, work.password, 'Login failed'));
  const c = await connect();
  await batch(c, 'DROP TABLE IF EXISTS dbo.conf_types; DROP TABLE IF EXISTS dbo.conf_node; DROP TABLE IF EXISTS dbo.conf_many');
  c.close();
}

main().catch((e) => {
  process.stderr.write(`${e.stack}\n`);
  process.exitCode = 1;
});
