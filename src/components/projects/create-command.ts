import { shellWord } from '../ui/shell-word.ts'

/** Makes a project for an account that owns an organisation, beside the server. */
export function createCommand(email: string): string {
  return `npm run -s tributary -- project create my-project \\\n  --owner ${shellWord(email)}`
}
