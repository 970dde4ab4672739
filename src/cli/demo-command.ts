import type { Arguments } from './arguments.ts'
export async function demoCommand(_args: Arguments): Promise<void> {}
