/** Rows of the tree carry this attribute: by their key they are found again. */
export const ROW = 'data-row'
