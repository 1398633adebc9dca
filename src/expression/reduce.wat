;; What expressions ask of all values of a row, four values at a time. Compiled into reduce-binary.ts by `npm run kernel`.
;; Addresses are in bytes, `size` is values of a row.
(module
  (memory (export "memory") 1)

  ;; Of each row, three numbers at `out`: the greatest value, the least, and the greatest magnitude, which is a NaN where
  ;; there is one; the other two then say nothing.
  (func (export "outermost") (param $from i32) (param $size i32) (param $rows i32) (param $out i32)
    (local $end i32) (local $whole i32) (local $v v128) (local $x f32)
    (local $most v128) (local $least v128) (local $magnitude v128) (local $mask v128)
    (local $hi f32) (local $lo f32) (local $m i32) (local $k i32)
    (local.set $mask (i32x4.splat (i32.const 0x7fffffff)))
    (block $all
      (loop $row
        (br_if $all (i32.eqz (local.get $rows)))
        (local.set $end (i32.add (local.get $from) (i32.shl (local.get $size) (i32.const 2))))
        (local.set $whole
          (i32.add (local.get $from) (i32.shl (i32.and (local.get $size) (i32.const -4)) (i32.const 2))))
        (local.set $most (f32x4.splat (f32.const -inf)))
        (local.set $least (f32x4.splat (f32.const inf)))
        (local.set $magnitude (i32x4.splat (i32.const 0)))
        (block $done
          (loop $four
            (br_if $done (i32.ge_u (local.get $from) (local.get $whole)))
            (local.set $v (v128.load align=4 (local.get $from)))
            (local.set $most (f32x4.pmax (local.get $most) (local.get $v)))
            (local.set $least (f32x4.pmin (local.get $least) (local.get $v)))
            (local.set $magnitude
              (i32x4.max_s (local.get $magnitude) (v128.and (local.get $v) (local.get $mask))))
            (local.set $from (i32.add (local.get $from) (i32.const 16)))
            (br $four)))
        (local.set $hi
          (f32.max
            (f32.max (f32x4.extract_lane 0 (local.get $most)) (f32x4.extract_lane 1 (local.get $most)))
            (f32.max (f32x4.extract_lane 2 (local.get $most)) (f32x4.extract_lane 3 (local.get $most)))))
        (local.set $lo
          (f32.min
            (f32.min (f32x4.extract_lane 0 (local.get $least)) (f32x4.extract_lane 1 (local.get $least)))
            (f32.min (f32x4.extract_lane 2 (local.get $least)) (f32x4.extract_lane 3 (local.get $least)))))
        (local.set $m (i32x4.extract_lane 0 (local.get $magnitude)))
        (local.set $k (i32x4.extract_lane 1 (local.get $magnitude)))
        (local.set $m (select (local.get $k) (local.get $m) (i32.gt_s (local.get $k) (local.get $m))))
        (local.set $k (i32x4.extract_lane 2 (local.get $magnitude)))
        (local.set $m (select (local.get $k) (local.get $m) (i32.gt_s (local.get $k) (local.get $m))))
        (local.set $k (i32x4.extract_lane 3 (local.get $magnitude)))
        (local.set $m (select (local.get $k) (local.get $m) (i32.gt_s (local.get $k) (local.get $m))))
        (block $ended
          (loop $one
            (br_if $ended (i32.ge_u (local.get $from) (local.get $end)))
            (local.set $x (f32.load (local.get $from)))
            (local.set $hi (f32.max (local.get $hi) (local.get $x)))
            (local.set $lo (f32.min (local.get $lo) (local.get $x)))
            (local.set $k (i32.and (i32.load (local.get $from)) (i32.const 0x7fffffff)))
            (local.set $m (select (local.get $k) (local.get $m) (i32.gt_s (local.get $k) (local.get $m))))
            (local.set $from (i32.add (local.get $from) (i32.const 4)))
            (br $one)))
        (f32.store (local.get $out) (local.get $hi))
        (f32.store offset=4 (local.get $out) (local.get $lo))
        (i32.store offset=8 (local.get $out) (local.get $m))
        (local.set $out (i32.add (local.get $out) (i32.const 12)))
        (local.set $rows (i32.sub (local.get $rows) (i32.const 1)))
        (br $row))))

  ;; Of each row, the sum in double precision at `out`.
  (func (export "sums") (param $from i32) (param $size i32) (param $rows i32) (param $out i32)
    (local $end i32) (local $whole i32) (local $v v128) (local $a v128) (local $b v128) (local $sum f64)
    (block $all
      (loop $row
        (br_if $all (i32.eqz (local.get $rows)))
        (local.set $end (i32.add (local.get $from) (i32.shl (local.get $size) (i32.const 2))))
        (local.set $whole
          (i32.add (local.get $from) (i32.shl (i32.and (local.get $size) (i32.const -4)) (i32.const 2))))
        (local.set $a (f64x2.splat (f64.const 0)))
        (local.set $b (f64x2.splat (f64.const 0)))
        (block $done
          (loop $four
            (br_if $done (i32.ge_u (local.get $from) (local.get $whole)))
            (local.set $v (v128.load align=4 (local.get $from)))
            (local.set $a (f64x2.add (local.get $a) (f64x2.promote_low_f32x4 (local.get $v))))
            (local.set $b
              (f64x2.add (local.get $b)
                (f64x2.promote_low_f32x4
                  (i8x16.shuffle 8 9 10 11 12 13 14 15 0 1 2 3 4 5 6 7 (local.get $v) (local.get $v)))))
            (local.set $from (i32.add (local.get $from) (i32.const 16)))
            (br $four)))
        (local.set $a (f64x2.add (local.get $a) (local.get $b)))
        (local.set $sum (f64.add (f64x2.extract_lane 0 (local.get $a)) (f64x2.extract_lane 1 (local.get $a))))
        (block $ended
          (loop $one
            (br_if $ended (i32.ge_u (local.get $from) (local.get $end)))
            (local.set $sum (f64.add (local.get $sum) (f64.promote_f32 (f32.load (local.get $from)))))
            (local.set $from (i32.add (local.get $from) (i32.const 4)))
            (br $one)))
        (f64.store (local.get $out) (local.get $sum))
        (local.set $out (i32.add (local.get $out) (i32.const 8)))
        (local.set $rows (i32.sub (local.get $rows) (i32.const 1)))
        (br $row)))))
