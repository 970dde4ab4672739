import type Database from 'better-sqlite3'
import { type MigrationMeta, readMigrationFiles } from 'drizzle-orm/migrator'
import { ItxError } from '../streams/errors.ts'

/**
 * Applies the migrations that the database does not have, all or none, in one exclusive write transaction.
 *
 * Why not Drizzle's own `migrate`: it reads what is applied before it takes the lock, so two processes on a fresh
 * directory both create the tables and one fails. The bookkeeping table is Drizzle's, so its tools keep working.
 *
 * Leaves `foreign_keys` off: the caller turns it on.
 *
 * @throws ItxError INTERNAL when the database has a migration that the folder does not, or when one breaks a reference.
 */
export function migrateControlDatabase(sqlite: Database.Database, migrationsFolder: string): void {
  const migrations = readMigrationFiles({ migrationsFolder })
  if (pendingMigrations(sqlite, migrations).length === 0) return
  // Rebuilding a table drops the old one, which with foreign keys on would delete the rows that refer to it. The
  // switch does nothing inside a transaction, therefore here.
  sqlite.pragma('foreign_keys = OFF')
  sqlite
    .transaction(() => {
      sqlite.exec(
        'CREATE TABLE IF NOT EXISTS __drizzle_migrations ' +
          '(id SERIAL PRIMARY KEY, hash text NOT NULL, created_at numeric)',
      )
      // Read again under the lock: another process may have done the work while this one waited.
      for (const migration of pendingMigrations(sqlite, migrations)) {
        for (const statement of migration.sql) sqlite.exec(statement)
        sqlite
          .prepare('INSERT INTO __drizzle_migrations (hash, created_at) VALUES (?, ?)')
          .run(migration.hash, migration.folderMillis)
      }
      const broken = sqlite.prepare('PRAGMA foreign_key_check').all()
      if (broken.length > 0) throw new ItxError('INTERNAL', `the migration breaks ${broken.length} references`)
    })
    .immediate()
}

function pendingMigrations(sqlite: Database.Database, migrations: readonly MigrationMeta[]): MigrationMeta[] {
  const table = sqlite.prepare("SELECT 1 FROM sqlite_master WHERE name = '__drizzle_migrations'").get()
  if (table === undefined) return [...migrations]
  const last = sqlite.prepare<[], number | null>('SELECT max(created_at) FROM __drizzle_migrations').pluck().get() ?? 0
  const newest = migrations.at(-1)?.folderMillis ?? 0
  if (last > newest) {
    throw new ItxError('INTERNAL', 'this database was written by a newer version of Tributary; start that one')
  }
  return migrations.filter((migration) => migration.folderMillis > last)
}
