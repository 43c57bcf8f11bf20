"""The imperative shell: gather, decide, apply. Imports the domain and the ports declared here, nothing else."""
