/* Where the host's programs, their loader and their libraries lie in an image. */
#ifndef GK_IMAGE_LAUNCH_H
#define GK_IMAGE_LAUNCH_H

#define GK_TOOLS_DIR "/usr/lib/gocker-host"

#endif
