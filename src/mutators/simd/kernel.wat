;; The hot loops of dense mutations, four values at a time: out = min(max(parent + scale * noise, low), high).
;; Compiled into kernel-binary.ts by `npm run kernel`. Addresses and counts are in bytes; `count` is a multiple of 4.
(module
  (memory (import "kernel" "memory") 1)

  ;; `low` and `high` are one value each, for all positions.
  (func (export "addWithin") (param $out i32) (param $parent i32) (param $noise i32) (param $count i32)
    (param $scale f32) (param $low f32) (param $high f32)
    (local $i i32) (local $whole i32) (local $lows v128) (local $highs v128) (local $scales v128)
    (local.set $lows (f32x4.splat (local.get $low)))
    (local.set $highs (f32x4.splat (local.get $high)))
    (local.set $scales (f32x4.splat (local.get $scale)))
    (local.set $whole (i32.and (local.get $count) (i32.const -16)))
    (block $done
      (loop $four
        (br_if $done (i32.ge_u (local.get $i) (local.get $whole)))
        (v128.store align=4 (i32.add (local.get $out) (local.get $i))
          (f32x4.pmin (local.get $highs)
            (f32x4.pmax (local.get $lows)
              (f32x4.add (v128.load align=4 (i32.add (local.get $parent) (local.get $i)))
                (f32x4.mul (local.get $scales)
                  (v128.load align=4 (i32.add (local.get $noise) (local.get $i))))))))
        (local.set $i (i32.add (local.get $i) (i32.const 16)))
        (br $four)))
    (block $end
      (loop $one
        (br_if $end (i32.ge_u (local.get $i) (local.get $count)))
        (f32.store (i32.add (local.get $out) (local.get $i))
          (f32.min (local.get $high)
            (f32.max (local.get $low)
              (f32.add (f32.load (i32.add (local.get $parent) (local.get $i)))
                (f32.mul (local.get $scale) (f32.load (i32.add (local.get $noise) (local.get $i))))))))
        (local.set $i (i32.add (local.get $i) (i32.const 4)))
        (br $one))))

  ;; `lows` and `highs` are addresses of one value for each position.
  (func (export "addWithinEach") (param $out i32) (param $parent i32) (param $noise i32) (param $count i32)
    (param $scale f32) (param $lows i32) (param $highs i32)
    (local $i i32) (local $whole i32) (local $scales v128)
    (local.set $scales (f32x4.splat (local.get $scale)))
    (local.set $whole (i32.and (local.get $count) (i32.const -16)))
    (block $done
      (loop $four
        (br_if $done (i32.ge_u (local.get $i) (local.get $whole)))
        (v128.store align=4 (i32.add (local.get $out) (local.get $i))
          (f32x4.pmin (v128.load align=4 (i32.add (local.get $highs) (local.get $i)))
            (f32x4.pmax (v128.load align=4 (i32.add (local.get $lows) (local.get $i)))
              (f32x4.add (v128.load align=4 (i32.add (local.get $parent) (local.get $i)))
                (f32x4.mul (local.get $scales)
                  (v128.load align=4 (i32.add (local.get $noise) (local.get $i))))))))
        (local.set $i (i32.add (local.get $i) (i32.const 16)))
        (br $four)))
    (block $end
      (loop $one
        (br_if $end (i32.ge_u (local.get $i) (local.get $count)))
        (f32.store (i32.add (local.get $out) (local.get $i))
          (f32.min (f32.load (i32.add (local.get $highs) (local.get $i)))
            (f32.max (f32.load (i32.add (local.get $lows) (local.get $i)))
              (f32.add (f32.load (i32.add (local.get $parent) (local.get $i)))
                (f32.mul (local.get $scale) (f32.load (i32.add (local.get $noise) (local.get $i))))))))
        (local.set $i (i32.add (local.get $i) (i32.const 4)))
        (br $one))))

  ;; In place: out = min(max(out, low), high); what is no number becomes low.
  (func (export "clip") (param $out i32) (param $count i32) (param $low f32) (param $high f32)
    (local $i i32) (local $whole i32) (local $lows v128) (local $highs v128) (local $x f32)
    (local.set $lows (f32x4.splat (local.get $low)))
    (local.set $highs (f32x4.splat (local.get $high)))
    (local.set $whole (i32.and (local.get $count) (i32.const -16)))
    (block $done
      (loop $four
        (br_if $done (i32.ge_u (local.get $i) (local.get $whole)))
        (v128.store align=4 (i32.add (local.get $out) (local.get $i))
          (f32x4.pmin (local.get $highs)
            (f32x4.pmax (local.get $lows) (v128.load align=4 (i32.add (local.get $out) (local.get $i))))))
        (local.set $i (i32.add (local.get $i) (i32.const 16)))
        (br $four)))
    (block $end
      (loop $one
        (br_if $end (i32.ge_u (local.get $i) (local.get $count)))
        (local.set $x (f32.load (i32.add (local.get $out) (local.get $i))))
        (f32.store (i32.add (local.get $out) (local.get $i))
          (f32.min (local.get $high)
            (select (local.get $x) (local.get $low) (f32.gt (local.get $x) (local.get $low)))))
        (local.set $i (i32.add (local.get $i) (i32.const 4)))
        (br $one))))

  ;; The same with one low and one high for each position.
  (func (export "clipEach") (param $out i32) (param $count i32) (param $lows i32) (param $highs i32)
    (local $i i32) (local $whole i32) (local $x f32) (local $low f32)
    (local.set $whole (i32.and (local.get $count) (i32.const -16)))
    (block $done
      (loop $four
        (br_if $done (i32.ge_u (local.get $i) (local.get $whole)))
        (v128.store align=4 (i32.add (local.get $out) (local.get $i))
          (f32x4.pmin (v128.load align=4 (i32.add (local.get $highs) (local.get $i)))
            (f32x4.pmax (v128.load align=4 (i32.add (local.get $lows) (local.get $i)))
              (v128.load align=4 (i32.add (local.get $out) (local.get $i))))))
        (local.set $i (i32.add (local.get $i) (i32.const 16)))
        (br $four)))
    (block $end
      (loop $one
        (br_if $end (i32.ge_u (local.get $i) (local.get $count)))
        (local.set $x (f32.load (i32.add (local.get $out) (local.get $i))))
        (local.set $low (f32.load (i32.add (local.get $lows) (local.get $i))))
        (f32.store (i32.add (local.get $out) (local.get $i))
          (f32.min (f32.load (i32.add (local.get $highs) (local.get $i)))
            (select (local.get $x) (local.get $low) (f32.gt (local.get $x) (local.get $low)))))
        (local.set $i (i32.add (local.get $i) (i32.const 4)))
        (br $one))))

  ;; out = x + share * (y - x)
  (func (export "lerp") (param $out i32) (param $x i32) (param $y i32) (param $count i32) (param $share f32)
    (local $i i32) (local $whole i32) (local $shares v128) (local $own v128) (local $one f32)
    (local.set $shares (f32x4.splat (local.get $share)))
    (local.set $whole (i32.and (local.get $count) (i32.const -16)))
    (block $done
      (loop $four
        (br_if $done (i32.ge_u (local.get $i) (local.get $whole)))
        (local.set $own (v128.load align=4 (i32.add (local.get $x) (local.get $i))))
        (v128.store align=4 (i32.add (local.get $out) (local.get $i))
          (f32x4.add (local.get $own)
            (f32x4.mul (local.get $shares)
              (f32x4.sub (v128.load align=4 (i32.add (local.get $y) (local.get $i))) (local.get $own)))))
        (local.set $i (i32.add (local.get $i) (i32.const 16)))
        (br $four)))
    (block $end
      (loop $one_by_one
        (br_if $end (i32.ge_u (local.get $i) (local.get $count)))
        (local.set $one (f32.load (i32.add (local.get $x) (local.get $i))))
        (f32.store (i32.add (local.get $out) (local.get $i))
          (f32.add (local.get $one)
            (f32.mul (local.get $share)
              (f32.sub (f32.load (i32.add (local.get $y) (local.get $i))) (local.get $one)))))
        (local.set $i (i32.add (local.get $i) (i32.const 4)))
        (br $one_by_one))))

  ;; out = factor * x + shift
  (func (export "scale") (param $out i32) (param $x i32) (param $count i32) (param $factor f32) (param $shift f32)
    (local $i i32) (local $whole i32) (local $factors v128) (local $shifts v128)
    (local.set $factors (f32x4.splat (local.get $factor)))
    (local.set $shifts (f32x4.splat (local.get $shift)))
    (local.set $whole (i32.and (local.get $count) (i32.const -16)))
    (block $done
      (loop $four
        (br_if $done (i32.ge_u (local.get $i) (local.get $whole)))
        (v128.store align=4 (i32.add (local.get $out) (local.get $i))
          (f32x4.add (local.get $shifts)
            (f32x4.mul (local.get $factors) (v128.load align=4 (i32.add (local.get $x) (local.get $i))))))
        (local.set $i (i32.add (local.get $i) (i32.const 16)))
        (br $four)))
    (block $end
      (loop $one
        (br_if $end (i32.ge_u (local.get $i) (local.get $count)))
        (f32.store (i32.add (local.get $out) (local.get $i))
          (f32.add (local.get $shift)
            (f32.mul (local.get $factor) (f32.load (i32.add (local.get $x) (local.get $i))))))
        (local.set $i (i32.add (local.get $i) (i32.const 4)))
        (br $one)))))
