/** `tributary/client` in a page. */
export * from './public.ts'
export { connectItx } from './connect-page.ts'
