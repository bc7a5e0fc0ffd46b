# {{ made_by }}
#
# What the scripts work on. Everything here is checked by cargo-sparsehls; nothing comes from the model file.

set project_name "{{ name }}"
set backend "{{ backend }}"
set part "{{ part }}"
set clock_period {{ clock_period }}
set clock_uncertainty "{{ clock_uncertainty }}%"
set cflags "{{ cflags }}"
set reset_level "{{ reset_level }}"
set hooks {{ "{" }}{{ hooks | join(" ") }}{{ "}" }}
