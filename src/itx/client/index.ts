/** `tributary/client` in a program. */
export * from './public.ts'
export { connectItx } from './connect.ts'
