/* SPDX-License-Identifier: ISC */
/* Runs a fuzz target over every file of the folders named, where no fuzzing engine is linked. */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void run_file(const char *path)
{
	FILE *f = fopen(path, "rb");
	uint8_t *data = NULL;
	size_t size = 0, got;

	if (!f) {
		perror(path);
		exit(1);
	}
	do {
		data = realloc(data, size + 65536);
		got = fread(data + size, 1, 65536, f);
		size += got;
	} while (got);
	fclose(f);
	LLVMFuzzerTestOneInput(data, size);
	free(data);
}

int main(int argc, char **argv)
{
	int count = 0;

	for (int i = 1; i < argc; i++) {
		struct dirent **names = NULL;
		int n = scandir(argv[i], &names, NULL, alphasort);

		for (int k = 0; k < n; k++) {
			char path[4096];

			snprintf(path, sizeof(path), "%s/%s", argv[i], names[k]->d_name);
			if (names[k]->d_name[0] != '.') {
				run_file(path);
				count++;
			}
			free(names[k]);
		}
		free(names);
	}
	if (count == 0) {
		fprintf(stderr, "no seeds: give a folder of them\n");
		return 1;
	}
	printf("%d inputs, no finding\n", count);
	return 0;
}
