// bench/workloads/word_count.toy in Java.
import java.util.ArrayList;
import java.util.HashMap;
import java.util.Map;

final class Main {
    private static final int WORDS_PER_LINE = 12;
    private static final String[] SYLLABLES = {"ba", "do", "ki", "lu", "me", "no", "ra", "se", "ti", "vo", "wy", "zu"};
    private static long seed = 42;

    private static int random(int n) {
        seed = seed * 16807 % 2147483647;
        return (int) (seed % n);
    }

    private static String line(int words) {
        StringBuilder text = new StringBuilder();
        for (int i = 0; i < words; i++) {
            if (i > 0) {
                text.append(' ');
            }
            do {
                text.append(SYLLABLES[random(12)]);
            } while (random(3) == 0);
        }
        return text.toString();
    }

    public static void main(String[] args) {
        int words = args.length > 0 ? Integer.parseInt(args[0]) : 10000000;
        HashMap<String, Integer> counts = new HashMap<>();
        for (int left = words; left > 0; left -= WORDS_PER_LINE) {
            for (String word : line(Math.min(left, WORDS_PER_LINE)).split(" ")) {
                counts.merge(word, 1, Integer::sum);
            }
        }
        ArrayList<Map.Entry<String, Integer>> entries = new ArrayList<>(counts.entrySet());
        entries.sort((a, b) -> {
            int order = b.getValue().compareTo(a.getValue());
            return order != 0 ? order : a.getKey().compareTo(b.getKey());
        });
        long total = 0, sum = 0;
        for (Map.Entry<String, Integer> e : entries) {
            total += e.getValue();
            sum = (sum * 31 + (long) e.getValue() * e.getKey().length()) % 1000000007;
        }
        System.out.println(total + " words, " + entries.size() + " of them different, checksum " + sum);
        for (Map.Entry<String, Integer> e : entries.subList(0, Math.min(5, entries.size()))) {
            System.out.println(e.getValue() + " " + e.getKey());
        }
        if (total != words) {
            throw new AssertionError("words got lost");
        }
    }
}
