//! Calendar arithmetic: days and microseconds since 0001-01-01.

/// Microseconds of a day.
pub(super) const DAY: i64 = 86_400_000_000;
/// The day after 9999-12-31.
const END_DAY: i64 = 3_652_059;

/// A date and time taken apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Fields {
    pub(crate) year: i64,
    pub(crate) month: i64,
    pub(crate) day: i64,
    pub(crate) hour: i64,
    pub(crate) minute: i64,
    pub(crate) second: i64,
    pub(crate) micro: i64,
}

/// Whether February has 29 days.
pub(super) fn is_leap(year: i64) -> bool {
    year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
}

/// Length of a month.
pub(super) fn days_in_month(year: i64, month: i64) -> i64 {
    match month {
        2 if is_leap(year) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// Day number of a date; 0001-01-01 is 0.
pub(super) fn day_number(year: i64, month: i64, day: i64) -> i64 {
    let shifted = if month <= 2 { year - 1 } else { year };
    let era = shifted.div_euclid(400);
    let of_era = shifted - era * 400;
    let month_ix = (month + 9) % 12;
    let of_year = (153 * month_ix + 2) / 5 + day - 1;
    let day_of_era = of_era * 365 + of_era / 4 - of_era / 100 + of_year;
    era * 146_097 + day_of_era - 306
}

/// The date of a day number.
pub(super) fn date_of(days: i64) -> (i64, i64, i64) {
    let days = days + 306;
    let era = days.div_euclid(146_097);
    let day_of_era = days - era * 146_097;
    let of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let of_year = day_of_era - (365 * of_era + of_era / 4 - of_era / 100);
    let month_ix = (5 * of_year + 2) / 153;
    let day = of_year - (153 * month_ix + 2) / 5 + 1;
    let month = if month_ix < 10 { month_ix + 3 } else { month_ix - 9 };
    let year = of_era + era * 400 + i64::from(month <= 2);
    (year, month, day)
}

impl Fields {
    /// Takes microseconds since 0001-01-01 apart.
    pub(super) fn of(micros: i64) -> Fields {
        let (year, month, day) = date_of(micros.div_euclid(DAY));
        let rest = micros.rem_euclid(DAY);
        Fields {
            year,
            month,
            day,
            hour: rest / 3_600_000_000,
            minute: rest / 60_000_000 % 60,
            second: rest / 1_000_000 % 60,
            micro: rest % 1_000_000,
        }
    }

    /// Puts them together; says what is out of range, as Python does.
    pub(super) fn micros(&self) -> Result<i64, String> {
        if !(1..=9999).contains(&self.year) {
            return Err(format!("year {} is out of range", self.year));
        }
        if !(1..=12).contains(&self.month) {
            return Err("month must be in 1..12".to_string());
        }
        if !(1..=days_in_month(self.year, self.month)).contains(&self.day) {
            return Err("day is out of range for month".to_string());
        }
        if !(0..24).contains(&self.hour) {
            return Err("hour must be in 0..23".to_string());
        }
        if !(0..60).contains(&self.minute) {
            return Err("minute must be in 0..59".to_string());
        }
        if !(0..60).contains(&self.second) {
            return Err("second must be in 0..59".to_string());
        }
        if !(0..1_000_000).contains(&self.micro) {
            return Err("microsecond must be in 0..999999".to_string());
        }
        Ok(day_number(self.year, self.month, self.day) * DAY + self.time())
    }

    /// Microseconds since midnight.
    pub(super) fn time(&self) -> i64 {
        ((self.hour * 60 + self.minute) * 60 + self.second) * 1_000_000 + self.micro
    }

    /// Monday is 0.
    pub(super) fn weekday(&self) -> i64 {
        day_number(self.year, self.month, self.day).rem_euclid(7)
    }

    /// January 1st is 1.
    pub(super) fn day_of_year(&self) -> i64 {
        day_number(self.year, self.month, self.day) - day_number(self.year, 1, 1) + 1
    }

    /// ISO year, week and weekday (Monday is 1).
    pub(super) fn iso(&self) -> (i64, i64, i64) {
        let number = day_number(self.year, self.month, self.day);
        let weekday = number.rem_euclid(7);
        let (year, _, _) = date_of(number - weekday + 3);
        let first = day_number(year, 1, 4);
        let week_one = first - first.rem_euclid(7);
        (year, (number - week_one) / 7 + 1, weekday + 1)
    }
}

/// Whether a moment is inside the years 1 to 9999.
pub(super) fn in_range(micros: i64) -> bool {
    (0..END_DAY * DAY).contains(&micros)
}
