/* gocker-admin: the subcommands of gocker that link more than the C library. gocker executes it
 * with its own arguments; people have no need to. */
#include <stdio.h>
#include <string.h>

#include "cli/cli.h"
#include "cli/options.h"
#include "cli/print.h"

static const struct command {
	int (*run)(int argc, char **argv);
	const struct gk_page *page;
} commands[] = {
	{ gk_cmd_image, &gk_page_image },
	{ gk_cmd_enable, &gk_page_enable },
	{ gk_cmd_disable, &gk_page_disable },
	{ gk_cmd_doctor, &gk_page_doctor },
	{ gk_cmd_top, &gk_page_top },
};
enum { NCOMMANDS = sizeof commands / sizeof *commands };

/* The other half of `gocker help --table`. */
static int print_tables(void)
{
	for (size_t i = 0; i < NCOMMANDS; i++)
		gk_options_print_table(stdout, commands[i].page);
	gk_image_print_tables(stdout);
	return gk_print_end("help");
}

int main(int argc, char **argv)
{
	for (size_t i = 0; argc > 1 && i < NCOMMANDS; i++)
		if (strcmp(argv[1], commands[i].page->name) == 0)
			return commands[i].run(argc - 1, argv + 1);
	if (argc == 3 && strcmp(argv[1], "help") == 0 && strcmp(argv[2], "--table") == 0)
		return print_tables();
	fputs("gocker-admin: this is a part of gocker; run gocker(8)\n", stderr);
	return 2;
}
