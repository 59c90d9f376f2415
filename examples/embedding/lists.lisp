; Functions over lists, and closures that remember.
(define (map f l) (if (not l) nil (cons (f (car l)) (map f (cdr l)))))
(define (filter f l)
  (cond ((not l) nil)
        ((f (car l)) (cons (car l) (filter f (cdr l))))
        (t (filter f (cdr l)))))
(define (fold f start l) (if (not l) start (fold f (f start (car l)) (cdr l))))
(define (range from to) (if (< from to) (cons from (range (+ from 1) to)) nil))
(define (reverse l) (fold (lambda (done one) (cons one done)) nil l))
(define (append a b) (if (not a) b (cons (car a) (append (cdr a) b))))
(define (sort l)
  (if (not l) nil
      (let ((pivot (car l)) (rest (cdr l)))
        (append (sort (filter (lambda (x) (< x pivot)) rest))
                (cons pivot (sort (filter (lambda (x) (not (< x pivot))) rest)))))))

(print (map (lambda (x) (* x x)) (range 0 10))) ; expect: (0 1 4 9 16 25 36 49 64 81)
(print (fold + 0 (filter (lambda (x) (= (% x 3) 0)) (range 0 50)))) ; expect: 408
(print (reverse '(1 (2 3) "four" five))) ; expect: (five four (2 3) 1)
(print (sort '(31 41 59 26 53 58 97 93 23 84))) ; expect: (23 26 31 41 53 58 59 84 93 97)

(define (counter start) (lambda () (set! start (+ start 1)) start))
(define next (counter 10))
(next)
(print (next) (apply + '(1 2)) (cons 'a 'b) "text" car) ; expect: 12 3 (a . b) text <builtin>

(define ring (list 1 2 3)) ; a cycle: reference counting would not free it
(set-cdr! (cdr (cdr ring)) ring)
(print (car (cdr (cdr (cdr (cdr ring)))))) ; expect: 2
