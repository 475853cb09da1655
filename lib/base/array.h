/* array: the number of elements of an array whose size the compiler knows. */
#ifndef BOURDON_BASE_ARRAY_H
#define BOURDON_BASE_ARRAY_H

#define ARRAY_LENGTH(array) (sizeof(array) / sizeof((array)[0]))

#endif
