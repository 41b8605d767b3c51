/* hangfs DIR UID WHAT: mounts a FUSE file system on DIR whose root belongs to UID, and serves it:
 * WHAT is "serve" (an empty directory), or "hang" (it reads every request after the first and
 * answers none), "deny" (only the mounter's own processes may ask: the default of FUSE), "flush" (a
 * file "f", whose close is never answered). Stays
 * until killed; its end frees whoever waits. The protocol is spoken here, without a library
 * (fuse(4)). */
#include <errno.h>
#include <fcntl.h>
#include <linux/fuse.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

static void reply(int fd, uint64_t unique, int error, const void *data, size_t size)
{
	struct fuse_out_header head = {
		.len = (uint32_t)(sizeof head + size), .error = -error, .unique = unique
	};
	struct iovec iov[2] = { { &head, sizeof head }, { (void *)(uintptr_t)data, size } };
	if (writev(fd, iov, size ? 2 : 1) < 0 && errno != ENOENT)
		perror("hangfs");
}

enum { FILE_NODE = 2 };

static void answer(int fd, const struct fuse_in_header *in, uid_t uid, int flush)
{
	static const struct fuse_statfs_out fs;
	struct fuse_attr_out attr = { .attr = { .ino = 1,
					      .mode = S_IFDIR | 0700,
					      .nlink = 2,
					      .uid = uid,
					      .gid = uid,
					      .blksize = 4096 } };
	struct fuse_open_out opened = { .fh = 1 };
	if (in->nodeid == FILE_NODE) {
		attr.attr.ino = FILE_NODE;
		attr.attr.mode = S_IFREG | 0600;
	}
	struct fuse_entry_out entry = { .nodeid = FILE_NODE, .attr = attr.attr };
	entry.attr.ino = FILE_NODE;
	entry.attr.mode = S_IFREG | 0600;
	switch (in->opcode) {
	case FUSE_GETATTR: reply(fd, in->unique, 0, &attr, sizeof attr); break;
	case FUSE_OPEN:
	case FUSE_OPENDIR: reply(fd, in->unique, 0, &opened, sizeof opened); break;
	case FUSE_READDIR:
	case FUSE_RELEASE:
	case FUSE_RELEASEDIR: reply(fd, in->unique, 0, NULL, 0); break;
	case FUSE_STATFS: reply(fd, in->unique, 0, &fs, sizeof fs); break;
	case FUSE_LOOKUP:
		if (flush && strcmp((const char *)(in + 1), "f") == 0)
			reply(fd, in->unique, 0, &entry, sizeof entry);
		else
			reply(fd, in->unique, ENOENT, NULL, 0);
		break;
	case FUSE_FLUSH:
	case FUSE_INTERRUPT: break;
	case FUSE_FORGET: break;
	default: reply(fd, in->unique, ENOSYS, NULL, 0);
	}
}

int main(int argc, char **argv)
{
	static char buf[1 << 17];
	char options[128];
	if (argc != 4)
		return 2;
	uid_t uid = (uid_t)atoi(argv[2]);
	int hang = strcmp(argv[3], "hang") == 0, flush = strcmp(argv[3], "flush") == 0;
	int fd = open("/dev/fuse", O_RDWR | O_CLOEXEC);
	snprintf(options, sizeof options, "fd=%d,rootmode=40700,user_id=%u,group_id=%u%s", fd, uid,
		uid, strcmp(argv[3], "deny") == 0 ? "" : ",allow_other");
	if (fd < 0 || mount("hangfs", argv[1], "fuse", MS_NOSUID | MS_NODEV, options) < 0) {
		perror("hangfs");
		return 1;
	}
	for (;;) {
		ssize_t n = read(fd, buf, sizeof buf);
		const struct fuse_in_header *in = (const struct fuse_in_header *)buf;
		if (n < 0 && (errno == EINTR || errno == ENOENT || errno == EAGAIN))
			continue;
		if (n < (ssize_t)sizeof *in)
			return 0;
		if (in->opcode == FUSE_INIT) {
			struct fuse_init_out out = { .major = 7, .minor = 31, .max_write = 4096 };
			reply(fd, in->unique, 0, &out, sizeof out);
			puts("ready");
			fflush(stdout);
		} else if (!hang) {
			answer(fd, in, uid, flush);
		}
	}
}
