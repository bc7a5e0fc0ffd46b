# {{ made_by }}
#
# What the exported IP is called, and how far Vivado takes it: `none`, `syn` or `impl`.

set ip_vendor "{{ ip.vendor }}"
set ip_library "{{ ip.library }}"
set ip_version "{{ ip.version }}"
set ip_name "{{ ip.name }}"
set export_flow "{{ ip.flow }}"
