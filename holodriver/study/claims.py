"""The DEH paper's claims, each compared with the results of our figures and sweeps.

The text of a claim is in our own words; its numbers are the paper's. Each claim has a criterion for the verdict: "yes"
if the measured result meets it, "partly" if the result meets a weaker one, otherwise "no".
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal

from holodriver.study.methods import FLAT, NCGH, NET, OPT, QNET

Verdict = Literal["yes", "partly", "no", "not comparable", "not measured"]
Numbers = Mapping[str, float]

FHD = (1920, 1080)


@dataclass(frozen=True)
class Finding:
    """Our result for one claim, and the verdict."""

    measured: str
    """Measured result, as text with units."""
    same: Verdict
    """Verdict: whether the result agrees with the claim."""
    why: str
    """Explanation of the result, in whole sentences."""


@dataclass(frozen=True)
class Claim:
    """One claim of the paper."""

    place: str
    """Section, figure or equation of the paper that makes the claim."""
    says: str
    """Text of the claim."""
    paper: str
    """The paper's numbers, as text with units."""
    kind: str
    """Kind of the study that judges the claim: "figure" or "sweep"."""
    study: str
    """Name of the study whose numbers judge the claim."""
    criterion: str
    """Condition for the verdict "yes"."""
    judge: Callable[[Numbers], Finding]
    """Function that gives the finding from the numbers of studies."""

    @property
    def command(self) -> str:
        """Command line that measures the claim."""
        return f"holodriver {'figures' if self.kind == 'figure' else 'sweep'} {self.study}"


def _verdict(yes: bool, partly: bool = False) -> Verdict:
    return "yes" if yes else "partly" if partly else "no"


def _within(value: float, wanted: float, tolerance: float) -> bool:
    return abs(value - wanted) <= tolerance * abs(wanted)


def _size(n: Numbers, tag: str) -> str:
    return f"{n[f'{tag} width']:.0f} × {n[f'{tag} height']:.0f}"


def _at_fhd(n: Numbers, verdict: Verdict) -> Verdict:
    """The verdict; "not comparable" if the second size of the study is not the full HD of the claim."""
    return verdict if (n["wide width"], n["wide height"]) == FHD else "not comparable"


def _span(n: Numbers) -> Finding:
    value = 1e3 * n["span"]
    return Finding(f"{value:.3f} mm", _verdict(_within(value, 2, 0.02)), "Eq. 3 with the paper's own numbers.")


def _eye(n: Numbers) -> Finding:
    value = n["eye blur"]
    why = "Eq. 4 gives 15.8 with exactly these numbers; the paper and the reference display round down to 15."
    return Finding(f"{value:.1f} px", _verdict(_within(value, 15, 0.06)), why)


def _dispersion(n: Numbers) -> Finding:
    found = [n[f"dispersion {name}"] for name in ("red", "green", "blue")]
    same = all(abs(value - paper) <= 0.5 for value, paper in zip(found, (25, 20, 18), strict=True))
    return Finding(" / ".join(f"{value:.1f}" for value in found) + " px", _verdict(same), "λ·Δz / pitch², rounded.")


def _least(n: Numbers) -> Finding:
    value = 1e3 * n["least distance"]
    near, paper = n["OPT blur at 0.5 mm"], n["OPT blur at 2 mm"]
    why = (
        "Blue light needs the longest distance, calculated for single pixels. A DEH of a textured wall shows a blur of "
        f"{near:.1f} px at 0.5 mm and {paper:.1f} px at 2 mm: it changes the texture and need not spread single pixels."
    )
    return Finding(f"{value:.2f} mm", _verdict(_within(value, 1.7, 0.02)), why)


def _ten(n: Numbers) -> Finding:
    value = n["widest field of coarse structures"]
    pixels = n["widest field of pixels"]
    why = (
        "The paper does not give the size of the structure. The light of a structure of 15 px, as large as the blur "
        f"circle, spreads as far as an eye's blur up to a field of view of {value:.1f}°, at any distance; for s px the "
        "limit is 2·atan(λ·R / (s·A)). Light in the pixels' whole band, which a DEH may use, reaches an eye's blur up "
        f"to {pixels:.0f}°."
    )
    return Finding(f"{value:.1f}° for structures of 15 px", _verdict(_within(value, 10, 0.1)), why)


def _weak(n: Numbers) -> Finding:
    opt, ncgh = n["OPT blur at 2 mm"], n["nCGH blur at 2 mm"]
    why = "Blur circle that best fits the picture of a near textured wall at far focus; the target has 15 px."
    return Finding(f"nCGH {ncgh:.1f} px, DEH {opt:.1f} px", _verdict(ncgh <= 0.6 * opt, ncgh < 0.8 * opt), why)


def _carrier(n: Numbers) -> Finding:
    gain = n["gain of ¼ over ⅓"]
    why = "At ⅓ the conjugate's second harmonic, aliased by the pixels, overlaps the signal; at ¼ it lies beside it."
    return Finding(f"¼ better by {gain:.1f} dB in the slit", _verdict(gain >= 6, gain >= 3), why)


def _cubes(n: Numbers) -> Finding:
    opt, ncgh = n["OPT share of blur, 6 px"], n["nCGH share of blur, 6 px"]
    why = "Diameter of the circle with half of the 6 px cube's light, out of focus, relative to the rendered diameter."
    return Finding(
        f"nCGH {ncgh:.0%}, DEH {opt:.0%} of the rendered diameter",
        _verdict(ncgh <= 0.6 and 0.7 <= opt <= 1.05, opt > 1.3 * ncgh),
        why,
    )


def _diffusive(n: Numbers) -> Finding:
    share = n["figure 2a: dCGH share of blur, 6 px"]
    contrast, quiet = n["dCGH contrast at 0 mrad"], n["OPT contrast at 0 mrad"]
    why = "The contrast is that of picture / target behind the slit; for the dCGH it is mainly speckle."
    found = f"spread {share:.0%} of rendered; contrast {contrast:.2f}, DEH {quiet:.2f}"
    return Finding(found, _verdict(share > 0.9 and contrast > 2 * quiet, contrast > quiet), why)


def _front(n: Numbers) -> Finding:
    gain = n[f"{OPT} psnr"] - n[f"{NCGH} psnr"]
    ssim = n[f"{OPT} ssim"] - n[f"{NCGH} ssim"]
    found = (
        f"{n[f'{OPT} psnr']:.1f} dB / {n[f'{OPT} ssim']:.2f} against {n[f'{NCGH} psnr']:.1f} / "
        f"{n[f'{NCGH} ssim']:.2f}: +{gain:.1f} dB, +{ssim:.2f}"
    )
    why = f"The level depends on the scene. Flat phase, which is not in the paper, has {n[f'{FLAT} psnr']:.1f} dB."
    return Finding(found, _verdict(gain >= 5.5, gain >= 3), why)


def _compatible(n: Numbers) -> Finding:
    loss = n[f"{OPT} psnr"] - n[f"{NET} psnr"]
    why = "The difference depends on the networks' training time and data: see the model card beside the networks."
    return Finding(f"{loss:.2f} dB below", _verdict(loss <= 0.5, loss <= 2.5), why)


def _without_term(n: Numbers) -> Finding:
    gain, focus = n["gain without, psnr"], n["gain without, in focus"]
    yes = 0.4 <= gain <= 1.0 and focus < 0
    why = "The trade-off is the same. Its size depends on how much of a scene is textured and stands in few planes."
    return Finding(f"{gain:+.2f} dB on the mean, {focus:+.2f} dB in focus", _verdict(yes, gain > 0 and focus < 0), why)


def _frames(n: Numbers) -> Finding:
    gain = n[f"{NET} psnr"] - n[f"{NCGH} psnr"]
    why = "Measured with the simulated bench, without a panel, lasers or a camera. The slit smooths errors of an nCGH."
    return Finding(f"DEHNet +{gain:.1f} dB over nCGH", _verdict(gain >= 3, gain >= 1), why)


def _minute(n: Numbers) -> Finding:
    took, steps = n[f"wide {OPT} seconds"], n["wide 500 steps seconds"]
    why = "Measured on a CPU. Our optimiser takes exact steps and converges in far fewer than 500."
    found = f"{_size(n, 'wide')}: {took:.3g} s until it converges; 500 steps would take {steps / 60:.1f} min"
    return Finding(found, _at_fhd(n, _verdict(steps > 60)), why)


def _rate(n: Numbers) -> Finding:
    seconds = n[f"wide {QNET} seconds"]
    why = "The paper used a GPU, and this machine its CPU. CUDA was not measured."
    return Finding(f"{_size(n, 'wide')}: {1 / seconds:.2g} Hz ({seconds:.3g} s)", "not comparable", why)


def _faster(n: Numbers) -> Finding:
    over_opt, over_ncgh = (n[f"wide {m} seconds"] / n[f"wide {QNET} seconds"] for m in (OPT, NCGH))
    why = (
        "Our OPT is much faster than 500 steps of Adam, and our nCGH uses layers in place of points, so that the "
        "ratios are smaller. The order is the same."
    )
    found = f"{_size(n, 'wide')}: {over_opt:.0f} × OPT, {over_ncgh:.1f} × nCGH"
    return Finding(found, _verdict(over_opt > 4000 and over_ncgh > 35, over_opt > 1 and over_ncgh > 1), why)


def _loses(n: Numbers) -> Finding:
    loss = n[f"small {OPT} psnr"] - n[f"small {QNET} psnr"]
    return Finding(
        f"{_size(n, 'small')}: {loss:.2f} dB",
        _verdict(loss <= 0.7, loss <= 2.5),
        "The difference depends on training: see the claim on DEHNet's float result.",
    )


def _enhances(tag: str, psnr: float) -> Callable[[Numbers], Finding]:
    def judge(n: Numbers) -> Finding:
        gain = n[f"{tag} {NET} psnr"] - n[f"{tag} {NCGH} psnr"]
        ssim = n[f"{tag} {NET} ssim"] - n[f"{tag} {NCGH} ssim"]
        flat = n[f"{tag} {NET} psnr"] - n[f"{tag} {FLAT} psnr"]
        why = f"The scenes are not the paper's. Against flat phase, which is not in the paper, it is {flat:+.1f} dB."
        return Finding(
            f"{_size(n, tag)}: {gain:+.1f} dB, {ssim:+.2f}", _verdict(gain >= psnr - 0.5, gain >= psnr / 2), why
        )

    return judge


def _rounding(n: Numbers) -> Finding:
    small, wide = (n[f"{tag} {NET} psnr"] - n[f"{tag} {QNET} psnr"] for tag in ("small", "wide"))
    why = "Weights and activations are int8, except for the sum with √I."
    found = f"{small:.2f} ({_size(n, 'small')}) and {wide:.2f} dB ({_size(n, 'wide')})"
    return Finding(found, _verdict(small <= 0.5 and wide <= 0.8), why)


def _encoding(n: Numbers) -> Finding:
    found = f"{_size(n, 'wide')}: {1e3 * n['wide encoding seconds']:.3g} ms"
    return Finding(found, "not comparable", "The paper used a GPU, and this machine its CPU.")


def _dark(n: Numbers) -> Finding:
    net, ncgh, rendered = (100 * n[f"{name} dark at edges"] for name in (NET, NCGH, "rendered"))
    why = (
        "Dark pixels lie within 3 px of a depth edge and have, in focus, less than half of the all-in-focus intensity; "
        f"the rendered stack has {rendered:.1f} %."
    )
    found = f"nCGH {ncgh:.1f} % dark, DEHNet {net:.1f} %"
    return Finding(found, _verdict(ncgh >= 3 * max(net, rendered, 0.2) and net < 2, ncgh > net), why)


def _planes(n: Numbers) -> Finding:
    enough = n["planes within 0.1 dB of the best"]
    why = "Planes between the targets are scored, too. A change of blur below one pixel between planes is enough."
    return Finding(f"{enough:.0f} planes are within 0.1 dB of the best", _verdict(enough <= 21), why)


def _beta(n: Numbers) -> Finding:
    gain, cost = n["1.0 in focus"] - n["0.0 in focus"], n["1.0 psnr"] - n["0.0 psnr"]
    why = "β = N − 1 gives the one plane in focus the same weight as all other planes together."
    return Finding(f"in focus {gain:+.2f} dB, mean {cost:+.2f} dB", _verdict(gain > 0.5, gain > 0), why)


def _gamma(n: Numbers) -> Finding:
    narrow, wide = n["1.0 psnr"], n["0.25 psnr"]
    why = "With a quarter of γ the targets are sharp in neighbouring planes, too, which lowers the mean over planes."
    return Finding(f"{narrow - wide:+.2f} dB over a quarter of γ", _verdict(narrow > wide), why)


def _pupil(n: Numbers) -> Finding:
    open_eye, paper, narrow = n["psnr of an open eye"], n["psnr at 1.5 mm"], n["psnr at 0.5 mm"]
    why = f"A pupil of 0.5 mm has {narrow:.1f} dB. At 1.5 mm the iris blocks the corners of the pixels' band."
    found = f"1.5 mm lets {n['light at 1.5 mm']:.0%} through; {paper - open_eye:+.2f} dB against an open eye"
    return Finding(found, _verdict(open_eye - paper <= 1.0, paper > narrow), why)


def _depth(n: Numbers) -> Finding:
    gain = n["gain of blur-considered, psnr"]
    return Finding(
        f"{gain:+.2f} dB", _verdict(gain > 0.1, gain > 0), "Only the depth in the second term of Eq. 2 differs."
    )


def _structure(n: Numbers) -> Finding:
    psnr = n["MS-SSIM (Adam) psnr"] - n["MSE (Adam) psnr"]
    ssim = n["MS-SSIM (Adam) ssim"] - n["MSE (Adam) ssim"]
    defects = n["MS-SSIM (Adam) defects"], n["MSE (Adam) defects"]
    found = f"{psnr:+.2f} dB, SSIM {ssim:+.3f}; defects in {defects[0]:.2f} % of the pixels against {defects[1]:.2f} %"
    why = "Both losses were minimised by the same Adam optimiser, from flat phase."
    return Finding(found, _verdict(ssim < 0.05 and defects[0] > defects[1], ssim < 0.05), why)


def _channels(n: Numbers) -> Finding:
    found = {
        int(name.split()[0]): value for name, value in n.items() if name.endswith("channels psnr") and name[0].isdigit()
    }
    least, most = min(found), max(found)
    told = ", ".join(f"{count}: {value:.2f}" for count, value in sorted(found.items()))
    why = "All networks had the same number of training steps; the cost grows with the square of the channels."
    at = found.get(12, found[most])
    return Finding(f"dB by channels {told}", _verdict(found[most] - at < 0.5 and at >= found[least]), why)


def _speckle(n: Numbers) -> Finding:
    before, after = n["dCGH contrast at 0 mrad"], n["dCGH contrast at 5 mrad"]
    lost = n["OPT psnr at 0 mrad"] - n["OPT psnr at 5 mrad"]
    why = (
        f"With a source of 5 mrad the DEH loses {lost:.1f} dB. The slit must be narrower by as much as tilted light "
        "moves the spectrum; this limits the source, and with it the number of speckle patterns that are averaged."
    )
    return Finding(
        f"contrast of a dCGH {before:.2f} → {after:.2f}", _verdict(after < 0.7 * before, after < before), why
    )


def _rear(n: Numbers) -> Finding:
    plain, considered = (n[f"rear share, {name} depth"] for name in ("all-in-focus", "blur-considered"))
    odds = [n[f"at odds, {name} depth"] for name in ("all-in-focus", "blur-considered")]
    why = "The second term of Eq. 2 asks for the sharp rear object, although the blur of the front object covers it."
    found = (
        f"{considered:.0%} of the detail against {plain:.0%}; RMS difference from the camera's picture {odds[1]:.3f} "
        f"against {odds[0]:.3f}"
    )
    return Finding(found, _verdict(considered < plain and odds[1] < odds[0]), why)


CLAIMS = (
    Claim("Methods, Eq. 3", "Depth span for 55°, 4K, 7.2 µm and 0.35 m", "2 mm", "sweep", "distance",
          "within 2 %", _span),
    Claim("Methods, Eq. 4", "Blur of an eye with a pupil of 1.5 mm", "15 px", "sweep", "distance", "within 6 %", _eye),
    Claim("Methods", "Light of a pixel spreads over 2 mm, in red, green and blue, to", "25 / 20 / 18 px", "sweep",
          "distance", "within half a pixel", _dispersion),
    Claim("Methods", "15 px of blur need a propagation of at least", "1.7 mm", "sweep", "distance",
          "within 2 %", _least),
    Claim("Methods", "Only in a narrow field of view does an nCGH blur as an eye does", "~10°", "sweep", "distance",
          "within 10 %", _ten),
    Claim("Results, Fig. 3", "Out of focus an nCGH blurs far less than a DEH", "seen", "sweep", "distance",
          "at most 60 % of the DEH's blur", _weak),
    Claim("Methods, Eqs. 5–6", "A carrier of ¼ keeps the panel's unwanted phase out of the slit, ⅓ does not", "argued",
          "figure", "phase-noise", "6 dB and more", _carrier),
    Claim("Results, Fig. 2a", "The large cube stays sharp in an nCGH; a DEH blurs it, a little less than rendered",
          "seen", "figure", "2a", "nCGH at most 60 %, DEH 70 to 105 % of the rendered diameter", _cubes),
    Claim("Introduction", "A diffusive hologram blurs as real objects do, but with speckle", "seen", "sweep", "source",
          "spread above 90 %, contrast more than twice the DEH's", _diffusive),
    Claim("Results, Fig. 3", "A DEH is closer to the rendered pictures than an nCGH by",
          "26.1 dB / 0.88 against 19.8 / 0.67: +6.3 dB, +0.21", "figure", "3", "5.5 dB and more", _front),
    Claim("Results, Figs. 3 and 5", "DEHNet's float result is next to that of optimisation", "0.1 dB below", "figure",
          "3", "at most 0.5 dB below", _compatible),
    Claim("Results", "Without the all-in-focus term PSNR rises, and what is in focus gets worse", "+0.6 to +0.8 dB",
          "sweep", "all-in-focus", "+0.4 to +1.0 dB, and a loss in focus", _without_term),
    Claim("Results, Fig. 4", "On the display, too, DEHNet blurs and an nCGH does not", "seen", "figure", "4",
          "3 dB and more", _frames),
    Claim("Results, Fig. 5", "500 iterations at FHD take", "more than 1 min", "figure", "5", "as much",
          _minute),
    Claim("Results, Fig. 5", "DEHNet in int8 at FHD runs at", "62 Hz (V100)", "figure", "5", "–", _rate),
    Claim("Results, Fig. 5", "DEHNet is faster than OPT and than an nCGH by", "8600 × and 70 ×", "figure", "5",
          "half of that and more", _faster),
    Claim("Results, Fig. 5", "In int8 it loses against OPT", "~0.5 dB", "figure", "5", "at most 0.7 dB", _loses),
    Claim("Results, Fig. 5b", "At 512², DEHNet is above an nCGH by", "6.5 dB, 0.15", "figure", "5", "6.0 dB and more",
          _enhances("small", 6.5)),
    Claim("Results, Fig. 5c", "At FHD, DEHNet is above an nCGH by", "6.3 dB, 0.07", "figure", "5", "5.8 dB and more",
          _enhances("wide", 6.3)),
    Claim("Results, Fig. 5", "Rounding to int8 costs, at 512² and at FHD", "0.4 and 0.7 dB", "figure", "5",
          "at most 0.5 and 0.8 dB", _rounding),
    Claim("Results", "Encoding a frame takes", "0.89 ms (V100)", "figure", "5", "–", _encoding),
    Claim("Results, Fig. 6", "With noisy depth an nCGH shows black lines along edges, a DEH does not", "seen", "figure",
          "6", "nCGH three times as many dark pixels, DEHNet below 2 %", _dark),
    Claim("Results, Fig. 7", "With measured depth whose holes were filled, too, only an nCGH shows black lines", "seen",
          "figure", "7", "nCGH three times as many dark pixels, DEHNet below 2 %", _dark),
    Claim("Methods, Fig. 9", "By blur-considered depth the rear object occupies less, and what blur covers is left out",
          "seen", "figure", "9", "both", _rear),
    Claim("Methods, Suppl. 6", "21 planes, more than the blur's diameter in pixels, suffice", "21", "sweep", "planes",
          "21 or fewer within 0.1 dB of the best", _planes),
    Claim("Methods", "β = 20 gives the plane in focus as much weight as the others", "20", "sweep", "beta",
          "in focus better by 0.5 dB than without", _beta),
    Claim("Methods", "γ = 40 keeps objects from being in focus in two planes", "40", "sweep", "gamma",
          "above a quarter of γ", _gamma),
    Claim("Methods", "A pupil of 1.5 mm lets the wave field through without degrading it", "1.5 mm", "sweep", "pupil",
          "within 1 dB of an open eye", _pupil),
    Claim("Methods, Suppl. 10", "Blur-considered depth maps give better holograms", "seen", "sweep", "depth",
          "by 0.1 dB and more", _depth),
    Claim("Methods, Suppl. 12", "MS-SSIM in place of MSE has no clear effect, and makes defects", "seen", "sweep",
          "loss", "SSIM less than 0.05 better, more defects", _structure),
    Claim("Results, Suppl. 8", "12 channels are enough at 34 convolutions", "12", "sweep", "channels",
          "the largest less than 0.5 dB above, no worse than the smallest", _channels),
    Claim("Methods", "An extended source (a rotating diffuser) takes speckle away", "seen", "sweep", "source",
          "contrast of a dCGH below 70 %", _speckle),
)  # fmt: skip
"""All claims, in the order of the page: geometry, figures, studies."""

NOT_MEASURED = (
    ("Discussion", "Time-multiplexed holograms need ten times the computation", "holodriver has no such method"),
    ("Results, Fig. S2", "Another nCGH algorithm blurs as little", "`synth --method points`, in the README's table"),
    ("Results", "LPIPS and other measures (Suppl. 2)", "`holodriver evaluate` has LPIPS where it is installed"),
    ("Methods", "Training takes 60 h on a V100", "we had no GPU; see the model card of the networks"),
)
"""Claims that no study measures: place in the paper, text, and reason."""
