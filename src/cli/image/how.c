#include "cli/image/how.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

static const char *const others[] = { "almalinux", "amazonlinux", "arch", "archlinux", "centos",
	"debian", "devuan", "fedora", "gentoo", "kali", "linuxmint", "mageia", "manjaro", "mint",
	"nixos", "opensuse", "oraclelinux", "raspbian", "redhat", "rhel", "rocky", "rockylinux",
	"sles", "suse", "ubuntu", "void", "voidlinux", "wolfi" };

static bool is_named(const char *name, const char *distribution)
{
	size_t len = strlen(distribution);
	return strncasecmp(name, distribution, len) == 0 && !isalpha((unsigned char)name[len]);
}

bool gk_image_names_another(const char *name)
{
	for (size_t i = 0; i < sizeof others / sizeof *others; i++)
		if (is_named(name, others[i]))
			return true;
	return false;
}

const char *gk_image_how(struct gk_arena *arena, const char *name)
{
	if (is_named(name, "debian") || is_named(name, "ubuntu"))
		return gk_arena_printf(arena, "gocker image new %s %s",
			is_named(name, "debian") ? "debian" : "ubuntu", name);
	return gk_arena_printf(arena,
		gk_image_names_another(name) ? "gocker image pull REF %s" : "gocker image fetch %s",
		name);
}
