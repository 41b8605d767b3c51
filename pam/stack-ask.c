/* What a stack that has been read has in it. */
#include "pam/stack.h"

#include <string.h>

bool gk_pam_stack_has(const struct gk_pam_stack *stack, char type, const char *module)
{
	for (size_t i = 0; i < stack->n; i++)
		if (stack->lines[i].type == type && strcmp(stack->lines[i].module, module) == 0)
			return true;
	return false;
}

bool gk_pam_line_has(const struct gk_pam_line *line, const char *arg)
{
	for (size_t i = 0; i < line->nargs; i++)
		if (strcmp(line->args[i], arg) == 0)
			return true;
	return false;
}

bool gk_pam_stack_names_program(const struct gk_pam_stack *stack)
{
	static const char *const options[] = { "drop=", "narrow=", "whole=" };
	for (size_t i = 0; i < stack->n; i++) {
		const struct gk_pam_line *l = &stack->lines[i];
		bool ours = l->type == 's' && strcmp(l->module, "pam_gocker.so") == 0;
		for (size_t k = 0; ours && k < l->nargs; k++)
			for (size_t o = 0; o < sizeof options / sizeof *options; o++)
				if (strncmp(l->args[k], options[o], strlen(options[o])) == 0)
					return true;
	}
	return false;
}

const char *gk_pam_stack_break_glass(const struct gk_pam_stack *stack, char type)
{
	static const char option[] = "break_glass=";
	const char *found = NULL;
	for (size_t i = 0; i < stack->n; i++) {
		const struct gk_pam_line *l = &stack->lines[i];
		if (l->type != type || strcmp(l->module, "pam_gocker.so") != 0)
			continue;
		found = NULL;
		for (size_t k = 0; k < l->nargs; k++)
			if (strncmp(l->args[k], option, sizeof option - 1) == 0)
				found = l->args[k] + sizeof option - 1;
	}
	return found;
}
