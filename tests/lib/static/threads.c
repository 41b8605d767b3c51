/* threads N: starts up to N threads that stay, and prints how many tasks it then is, the first
 * included. Tells the limit of a cgroup on tasks. */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static void *stay(void *arg)
{
	pause();
	return arg;
}

int main(int argc, char **argv)
{
	int wanted = argc > 1 ? atoi(argv[1]) : 1, n = 1;
	pthread_t thread;
	pthread_attr_t attr;

	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, 65536);
	while (n < wanted && pthread_create(&thread, &attr, stay, NULL) == 0)
		n++;
	printf("%d\n", n);
	return 0;
}
