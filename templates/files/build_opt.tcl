# {{ made_by }}
#
# Which steps to run; `reset` empties the project first. vitis-run passes no arguments to a script, so they are here.

array set opt {
    reset   {{ steps.reset }}
    csim    {{ steps.csim }}
    synth   {{ steps.synth }}
    cosim   {{ steps.cosim }}
    export  {{ steps.export }}
    vsynth  {{ steps.vsynth }}
    impl    {{ steps.implementation }}
}
