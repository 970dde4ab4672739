/** A sentence in which what stands between backticks is code. */
export function Words({ children }: { readonly children: string }) {
  return children.split('`').map((part, i) =>
    i % 2 === 0 ? (
      part
    ) : (
      // Parts of one sentence never change their places.
      // oxlint-disable-next-line react/no-array-index-key
      <code key={i} className="font-mono">
        {part}
      </code>
    ),
  )
}
