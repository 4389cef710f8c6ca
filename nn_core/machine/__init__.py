"""What knows the computer and nothing of networks: memory, threads, SIMD, files written safely."""
