// SPDX-License-Identifier: MIT
// Job type of Flamenco 3 for focal stacks of an animation's frames: one task a frame, which leaves out what is there.
// It goes into the folder `scripts` of Flamenco Manager. The variable `holodriver` of the Manager's configuration names
// the program on each platform; without one, workers look for `holodriver` on their path.

const JOB_TYPE = {
    label: "Holodriver focal stacks",
    description: "Renders the focal stack of each frame of an animation, all over one depth range.",
    settings: [
        { key: "program", type: "string", required: true, default: "holodriver",
          description: "The program holodriver on the workers, or a variable such as {holodriver}" },
        { key: "scene", type: "string", required: true, subtype: "file_path", description: "The .blend file" },
        { key: "folder", type: "string", required: true, subtype: "dir_path",
          description: "Shared folder that gets NAME_0001.stack and so on" },
        { key: "name", type: "string", required: true, description: "NAME of the stacks" },
        { key: "frames", type: "string", required: true, description: "Frame numbers, joined by commas" },
        { key: "arguments", type: "string", required: true, visible: "hidden",
          description: "Options of `holodriver render stack`, as a JSON list" },
    ],
};

function compileJob(job) {
    const settings = job.settings;
    const options = JSON.parse(settings.arguments);
    for (const text of settings.frames.split(",")) {
        const frame = text.trim();
        const stack = settings.folder + "/" + settings.name + "_" + padded(frame) + ".stack";
        const task = author.Task("focal-stack-" + frame, "blender");
        task.addCommand(author.Command("exec", {
            exe: settings.program,
            args: ["render", "stack", settings.scene, "-o", stack, "--frames", frame].concat(options),
        }));
        job.addTask(task);
    }
}

function padded(frame) {
    const negative = frame.startsWith("-");
    const digits = negative ? frame.slice(1) : frame;
    return (negative ? "-" : "") + digits.padStart(negative ? 3 : 4, "0");
}
