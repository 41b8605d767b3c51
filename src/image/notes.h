/* The notes of a layer: what it does to the layers below, besides what is in its tree. A sequence
 * of records, in the archive's order: a letter, a path below the root, NUL; of a link a second path
 * and NUL. No path has a "..", an empty or a "." component, nor begins with a slash. */
#ifndef GK_IMAGE_NOTES_H
#define GK_IMAGE_NOTES_H

enum gk_note {
	GK_NOTE_WHITEOUT = 'w', /* the path is removed from the layers below */
	GK_NOTE_OPAQUE = 'o',   /* all that is in the directory is */
	GK_NOTE_LINK = 'h',     /* the path is a hard link to a file of the layers below */
	GK_NOTE_IMPLIED = 'i',  /* the directory is in the tree, but was not in the archive */
	GK_NOTE_EXPLICIT = 'd', /* it was, after all */
};

#endif
